/**
 * onnxruntime-node behind one small interface: load a graph, run it on named tensors. `run` computes synchronously inside the
 * native call and blocks this thread's event loop for that long (microsoft/onnxruntime #19611): a server keeps it in a child
 * process.
 */
import * as ort from 'onnxruntime-node';
import { FungiError } from '../core/errors.js';
import { defaultThreads } from '../core/processors.js';
import type { Provider } from './providers.js';

// What fails is thrown, with its reason. onnxruntime would print it as well, and in colours; it reads this at the first session.
ort.env.logLevel = 'fatal';

export interface RuntimeOptions {
  /** Where graphs run; the CPU is always behind it for nodes the provider lacks. @default 'cpu' */
  readonly provider?: Provider;
  /** Threads inside one operator; 0 lets onnxruntime take every physical core, within a container's CPU quota. @default 0 */
  readonly threads?: number;
}

/** A dense row-major tensor. `data` may be shared with the runtime's: treat as read-only. */
export interface Tensor {
  readonly type: 'float32' | 'float64' | 'float16' | 'int64' | 'int32' | 'int8' | 'uint8' | 'bool';
  readonly data: Float32Array | Float64Array | Uint16Array | BigInt64Array | Int32Array | Int8Array | Uint8Array;
  readonly shape: readonly number[];
}

export type Feeds = Readonly<Record<string, Tensor>>;

export const float32 = (data: Float32Array, shape: readonly number[]): Tensor => ({ type: 'float32', data, shape });
export const float64 = (data: Float64Array, shape: readonly number[]): Tensor => ({ type: 'float64', data, shape });
export const int64 = (data: BigInt64Array, shape: readonly number[]): Tensor => ({ type: 'int64', data, shape });
export const int8 = (data: Int8Array, shape: readonly number[]): Tensor => ({ type: 'int8', data, shape });

export class Session {
  private released = false;

  private constructor(
    private readonly session: ort.InferenceSession,
    readonly label: string,
  ) {}

  /**
   * @param model serialised ONNX; its external data, if any, is looked up in `folder`
   * @param label names the graph in errors
   * @throws {FungiError} PROVIDER_UNAVAILABLE; MODEL_UNSUPPORTED for operators that onnxruntime lacks; MODEL_CORRUPT for what is no
   *   valid graph; RUNTIME_FAILED for what has nothing to do with the graph (memory)
   */
  static async load(
    model: Uint8Array,
    label: string,
    options: RuntimeOptions & { readonly folder?: string } = {},
  ): Promise<Session> {
    const provider = options.provider ?? 'cpu';
    assertBuiltIn(provider, label);
    try {
      const session = await ort.InferenceSession.create(model, {
        executionProviders: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
        intraOpNumThreads: options.threads || defaultThreads(),
        graphOptimizationLevel: 'all',
        logSeverityLevel: 4,
        extra: {
          session: {
            // Products with weights stored in int8 would round the other factor to int8 as well, by default and without a word.
            qdq_matmulnbits_accuracy_level: '1',
            // Threads of a session that has run go on spinning, and take the cores from the session that runs now: with trunk and tail
            // in turn on two cores, one text of BERT-base takes 25 ms so, and 13 without (bench/features.ts).
            intra_op: { allow_spinning: '0' },
            ...(options.folder !== undefined && { model_external_initializers_file_folder_path: options.folder }),
          },
        },
      });
      return new Session(session, label);
    } catch (cause) {
      throw loadFailure(label, provider, cause);
    }
  }

  /** @throws {FungiError} RUNTIME_FAILED */
  async run<Name extends string>(feeds: Feeds, outputs: readonly Name[]): Promise<Record<Name, Tensor>> {
    const inputs: Record<string, ort.Tensor> = {};
    for (const [name, tensor] of Object.entries(feeds)) {
      inputs[name] = new ort.Tensor(tensor.type, tensor.data as Float32Array, tensor.shape);
    }
    let results: ort.InferenceSession.OnnxValueMapType;
    try {
      results = await this.session.run(inputs, outputs);
    } catch (cause) {
      throw new FungiError(
        'RUNTIME_FAILED',
        `${this.label}: ${cause instanceof Error ? cause.message : String(cause)}`,
        {
          cause,
        },
      );
    }
    const out = {} as Record<Name, Tensor>;
    for (const name of outputs) {
      const value = results[name] as ort.Tensor;
      out[name] = { type: value.type as Tensor['type'], data: value.data as Float32Array, shape: value.dims };
    }
    return out;
  }

  get inputNames(): readonly string[] {
    return this.session.inputNames;
  }

  /** Frees the session; a second time does nothing. */
  async release(): Promise<void> {
    if (this.released) return;
    this.released = true;
    await this.session.release();
  }
}

/** onnxruntime-node drops a provider it was not built with and computes on the CPU without a word. */
function assertBuiltIn(provider: Provider, label: string): void {
  const names = ort.listSupportedBackends().map(({ name }) => name);
  if (names.includes(provider)) return;
  throw new FungiError(
    'PROVIDER_UNAVAILABLE',
    `${label}: onnxruntime has no execution provider "${provider}" on this platform; it has ${names.join(', ')}`,
    {
      hint: 'Use one of these, or leave --provider out for the CPU.',
      details: { reason: 'onnxruntime has none for this platform' },
    },
  );
}

/** onnxruntime-node passes on a message, and no code to tell failures apart by. */
const PROVIDER_FAILED = /provider|backend|not (?:available|supported)|cuda|library/i;
const OPERATOR_MISSING =
  /not a registered function|No Op registered|Could not find an implementation|opset|IR version/i;
const GRAPH_INVALID = /protobuf|invalid model|Type Error|InferenceError|external data|initializer/i;

function loadFailure(label: string, provider: Provider, cause: unknown): FungiError {
  const raw = cause instanceof Error ? cause.message : String(cause);
  const reason = inPlainWords(raw);
  if (provider !== 'cpu' && PROVIDER_FAILED.test(raw)) {
    return new FungiError(
      'PROVIDER_UNAVAILABLE',
      `${label}: execution provider "${provider}" cannot be used: ${reason}`,
      {
        hint: 'Run `fungi doctor` to see what this installation offers, or use --provider cpu.',
        details: { reason },
        cause,
      },
    );
  }
  if (OPERATOR_MISSING.test(raw)) {
    return new FungiError('MODEL_UNSUPPORTED', `${label}: onnxruntime lacks an operator of the graph: ${reason}`, {
      hint: 'Export the model again in float32, with operator set 17 and for no particular hardware.',
      cause,
    });
  }
  if (GRAPH_INVALID.test(raw))
    return new FungiError('MODEL_CORRUPT', `${label}: onnxruntime cannot load the graph: ${reason}`, {
      hint: 'Download the model again, or export it again.',
      cause,
    });
  return new FungiError('RUNTIME_FAILED', `${label}: onnxruntime failed to load the graph: ${reason}`, { cause });
}

/** A message without the place in onnxruntime's source that it begins with, and the condition that failed there. */
function inPlainWords(message: string): string {
  const said = message.trim().replace(/^\S+\.(?:cc|cpp|h):\d+ .* was false\. ?/s, '');
  return said.replace(
    /^\w+: Failed to load shared library$/,
    'its shared libraries cannot be loaded: they are not installed, or lack others that they need',
  );
}
