// Under which sanitizer a test is compiled, by any compiler: 0 or 1 each.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define MAMBA_ASAN 1
#elif defined(__has_feature)
#define MAMBA_ASAN __has_feature(address_sanitizer)
#else
#define MAMBA_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define MAMBA_TSAN 1
#elif defined(__has_feature)
#define MAMBA_TSAN __has_feature(thread_sanitizer)
#else
#define MAMBA_TSAN 0
#endif
