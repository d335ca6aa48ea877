/** What the command line touches of the world; tests put their own in place. */

/** The part of process.stdout and process.stderr that is used. */
export interface Screen {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export interface Effects {
  readonly stdout: Screen;
  readonly stderr: Screen;
  /** All of standard input as text. */
  readonly readStdin: () => Promise<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls `listener` when the user interrupts (Ctrl-C); the process ends when it returns. */
  readonly onInterrupt?: (listener: () => void) => void;
  /** Settles when the process is asked to end (SIGTERM, Ctrl-C); the first signal does nothing else then. */
  readonly untilStopped?: () => Promise<void>;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
}
