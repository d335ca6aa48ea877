/** How long-running work tells how far it is. The CLI draws a bar from it; a server may log it. */
export interface Progress {
  /** What is being done, e.g. "encode", "download model.onnx". */
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  /** What is counted: rows, bytes, or runs of an evaluation. */
  readonly unit: 'rows' | 'bytes' | 'runs';
}

export type OnProgress = (progress: Progress) => void;
