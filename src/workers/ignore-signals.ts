/**
 * Imported before anything else by a model process. A terminal's Ctrl-C, and whoever stops a service by its process group, signals every
 * process of it: which of them end, and when, the server decides, which still has requests to answer.
 */
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
