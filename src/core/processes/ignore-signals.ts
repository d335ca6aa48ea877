/**
 * Imported before anything else by a process that answers calls. A terminal's Ctrl-C, and whoever stops a service by its process group, signals
 * every process of it: which of them end, and when, the parent decides, which may still need their answers.
 */
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
