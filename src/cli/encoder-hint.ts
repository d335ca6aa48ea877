/** What is said where nobody named an encoder, so that the one of this package was taken. */
import { knownModel } from '../encoders/sources/known-models.js';
import { DEFAULT_ENCODER } from '../selector/options.js';
import type { Context } from './context.js';
import type { EncoderFlags } from './options.js';
import { bytes } from './output.js';

/** Names stronger encoders, once a command; whoever named one knows what they want. Nothing under --json and --quiet. */
export function hintOfEncoders({ encoder }: Pick<EncoderFlags, 'encoder'>, { log }: Context): void {
  if (encoder !== undefined) return;
  log.info(
    `hint: no encoder was named, and ${DEFAULT_ENCODER} was taken. Stronger, once fetched: --encoder minilm (${sizeOf('minilm')}) on most data ` +
      `measured, --encoder bert-base (${sizeOf('bert-base')}) on kinds of questions and film reviews; figures in docs/results.md`,
  );
}

const sizeOf = (name: string): string => bytes(knownModel(name)!.bytes);
