import type { Shape } from '../../../src/onnx/shape.js';
import { DIMS, node, show, since, type Case } from './case.js';

const FORMS: readonly (readonly [equation: string, ...operands: Shape[]])[] = [
  ['ij,jk->ik', [2, 3], [3, 4]],
  ['ij,jk', [2, 3], [3, 4]],
  ['ij,kj->ik', [2, 3], [4, 3]],
  ['ij,jk->ki', [2, 3], [3, 4]],
  ['bij,bjk->bik', [2, 2, 3], [2, 3, 4]],
  ['bth,ho->bto', ['B', 'T', 3], [3, 2]],
  ['bqhd,bkhd->bhqk', ['B', 'T', 2, 3], ['B', 4, 2, 3]],
  ['bhqk, bkhd -> bqhd', [2, 2, 3, 4], [2, 4, 2, 3]],
  ['i,j->ij', [2], [3]],
  ['i,i->', [3], [3]],
  ['ij,ij->i', [2, 3], [2, 3]],
  ['ij,k->i', [2, 3], [4]],
  ['ij,jk->i', [2, 3], [3, 4]],
  ['ijk->kij', [2, 3, 4]],
  ['ij->i', ['B', 3]],
  ['ij->', [2, 3]],
  ['ij,jk,kl->il', [2, 3], [3, 2], [2, 4]],
  ['ij,->ij', [2, 3], []],
] as readonly (readonly [string, ...Shape[]])[]; // prettier-ignore

export const einsumCases: readonly Case[] = FORMS.map(([equation, ...shapes]) => ({
  rule: ':Einsum',
  label: `${equation} ${show(...shapes)}`,
  opsets: since(13),
  dims: DIMS,
  operands: shapes.map((shape) => ({ shape })),
  write: node('Einsum', { equation }),
}));
