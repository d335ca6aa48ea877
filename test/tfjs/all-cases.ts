/** Every case of test/onnx/cases, found by what its modules export, so that a new family is checked here without being named. */
import { readdirSync } from 'node:fs';
import type { Case } from '../onnx/cases/case.js';

const FOLDER = new URL('../onnx/cases/', import.meta.url);

const isCase = (value: unknown): value is Case =>
  typeof value === 'object' && value !== null && 'rule' in value && 'operands' in value && 'write' in value;

export async function allCases(): Promise<Case[]> {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.ts'));
  const modules = await Promise.all(
    files.map((file) => import(new URL(file, FOLDER).href) as Promise<Record<string, unknown>>),
  );
  const lists = modules.flatMap((exported) => Object.values(exported)).filter(Array.isArray);
  return [...new Set(lists.flat().filter(isCase))];
}
