/** TensorFlow.js, loaded when it is first asked for: natively where the user installed a build of it, else in plain JavaScript. */
import { createRequire } from 'node:module';
import type * as core from '@tensorflow/tfjs-core';

export type Tensorflow = typeof core;
export type TfTensor = core.Tensor;

export interface LoadedTensorflow {
  readonly tf: Tensorflow;
  /** The package that computes: `@tensorflow/tfjs-node-gpu`, `@tensorflow/tfjs-node` or `@tensorflow/tfjs-backend-cpu`. */
  readonly backend: string;
  /** Native packages that are installed and failed to load, each with the reason. */
  readonly failed: Readonly<Record<string, string>>;
}

/** Optional peers, the fastest first. Kept as strings: the project compiles without them. */
const NATIVE: readonly string[] = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];

let loading: Promise<LoadedTensorflow> | undefined;

/** Loads TensorFlow.js once, and sets its backend. */
export function loadTensorflow(): Promise<LoadedTensorflow> {
  return (loading ??= load());
}

async function load(): Promise<LoadedTensorflow> {
  const failed: Record<string, string> = {};
  const backend = (await firstNative(failed)) ?? '@tensorflow/tfjs-backend-cpu';
  const tf = await import('@tensorflow/tfjs-core');
  // Derivatives are no part of the core's build for Node: this package registers them as it loads.
  await import('@tensorflow/tfjs-layers');
  if (!NATIVE.includes(backend)) await import('@tensorflow/tfjs-backend-cpu');
  await withoutBanner(tf, async () => {
    await tf.setBackend(NATIVE.includes(backend) ? 'tensorflow' : 'cpu');
    await tf.ready();
    tf.scalar(0).dispose();
  });
  return { tf, backend, failed };
}

async function firstNative(failed: Record<string, string>): Promise<string | undefined> {
  for (const name of NATIVE.filter(isInstalled)) {
    try {
      await import(name);
      return name;
    } catch (cause) {
      failed[name] = cause instanceof Error ? cause.message : String(cause);
    }
  }
  return undefined;
}

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** The CPU backend advertises the native ones at the first tensor, unless this flag is set then. */
async function withoutBanner(tf: Tensorflow, first: () => Promise<void>): Promise<void> {
  const flag = tf.env().getBool('PROD');
  tf.env().set('PROD', true);
  try {
    await first();
  } finally {
    tf.env().set('PROD', flag);
  }
}
