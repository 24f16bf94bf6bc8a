// The bounds of the linker section `micro_plugins`, in which each linked plugin module leaves one
// record. The linker defines the two symbols only if some object has the section, so they are weak;
// they are hidden so that each image sees its own section.
#pragma once

#if defined(__APPLE__)
extern const char micro_plugins_section_start[] __asm("section$start$__DATA_CONST$micro_plugins");
extern const char micro_plugins_section_stop[] __asm("section$end$__DATA_CONST$micro_plugins");
#else
extern const char __start_micro_plugins[] __attribute__((weak, visibility("hidden")));
extern const char __stop_micro_plugins[] __attribute__((weak, visibility("hidden")));
#define micro_plugins_section_start __start_micro_plugins
#define micro_plugins_section_stop __stop_micro_plugins
#endif

/// The address of the first record, or NULL when no plugin is linked.
static inline const void *micro_plugins_start(void) { return micro_plugins_section_start; }

/// The address behind the last record, or NULL when no plugin is linked.
static inline const void *micro_plugins_stop(void) { return micro_plugins_section_stop; }
