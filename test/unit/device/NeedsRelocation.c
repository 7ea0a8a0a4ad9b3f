/* A pointer in data: the loader would have to relocate it. */
int target[2];
int *const kPointers[2]
    __attribute__((visibility("default"))) = {target, target + 1};
