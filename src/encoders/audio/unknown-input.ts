import { FungiError } from '../../core/errors.js';

/** @throws {FungiError} MODEL_UNSUPPORTED where a model has an input besides `known` */
export function assertInputs(names: readonly string[], known: readonly string[]): void {
  const other = names.find((name) => !known.includes(name));
  if (other === undefined) return;
  throw new FungiError('MODEL_UNSUPPORTED', `the model has an input "${other}"; sounds give ${known.join(', ')}`, {
    hint: 'Use the export of the encoder alone: of Whisper it is encoder_model.onnx.',
    details: { input: other },
  });
}
