import { at, product, sameType, tabulate } from '../value.js';
import { text, type Kernel } from './kernel.js';

/** Sums over every letter that the result lacks, with no letter twice in an operand. */
export const einsum: Kernel = (inputs, node) => {
  const operands = inputs.map((x) => x!);
  const [left, right] = text(node, 'equation', '').replaceAll(' ', '').split('->') as [string, string?];
  const terms = left.split(',');
  const sizes: Record<string, number> = {};
  terms.forEach((letters, i) => {
    Array.from(letters).forEach((letter, axis) => {
      sizes[letter] = operands[i]!.shape[axis]!;
    });
  });
  const letters = Object.keys(sizes).sort();
  const once = (letter: string): boolean => terms.join('').split(letter).length === 2;
  const result = Array.from(right ?? letters.filter(once).join(''));
  const summed = letters.filter((letter) => !result.includes(letter));
  const where: Record<string, number> = {};
  const shape = result.map((letter) => sizes[letter]!);
  const out = tabulate(sameType(...operands), shape, (index) => {
    result.forEach((letter, axis) => (where[letter] = index[axis]!));
    return tabulate(
      'float64',
      summed.map((letter) => sizes[letter]!),
      (inner) => {
        summed.forEach((letter, axis) => (where[letter] = inner[axis]!));
        return product(operands.map((x, i) => at(x, Array.from(terms[i]!, (letter) => where[letter]!)))); // prettier-ignore
      },
    ).data.reduce((a, b) => a + b, 0);
  });
  return [out];
};
