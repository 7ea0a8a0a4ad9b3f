/* A counter that a kernel would keep from call to call. */
int counter = 1;
__attribute__((visibility("default"))) int count(void) { return counter++; }
