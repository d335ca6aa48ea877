import { FungiError } from '../core/errors.js';

/** A fault of the template itself, at `line` (1-based) of the file called `file`. */
export function templateError(file: string, line: number, message: string, hint?: string): FungiError {
  return new FungiError('TEMPLATE_INVALID', `${file}:${line}: ${message}`, {
    ...(hint !== undefined && { hint }),
    details: { template: file, line },
  });
}
