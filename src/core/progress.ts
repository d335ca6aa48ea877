/** How long-running work tells how far it is. The CLI draws a bar from it; a server may log it. */
export interface Progress {
  /** What is being done, e.g. "encode", "download model.onnx". */
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  /** What is counted: rows, bytes, runs of an evaluation, or requests to an LLM. */
  readonly unit: 'rows' | 'bytes' | 'runs' | 'requests';
}

export type OnProgress = (progress: Progress) => void;
