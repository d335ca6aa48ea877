import { at, axisOf, broadcastShape, sameType, tabulate } from '../value.js';
import { float, int, type Kernel } from './kernel.js';

const compare =
  (f: (a: number, b: number) => boolean): Kernel =>
  ([a, b]) => {
    sameType(a!, b!);
    return [tabulate('bool', broadcastShape(a!.shape, b!.shape), (index) => Number(f(at(a!, index), at(b!, index))))];
  };

const test =
  (f: (x: number) => boolean): Kernel =>
  ([x]) => [{ type: 'bool', shape: x!.shape, data: x!.data.map((v) => Number(f(v))) }];

const variadic =
  (f: (...values: number[]) => number): Kernel =>
  (inputs) => {
    const operands = inputs.map((x) => x!);
    const shape = operands.map((x) => [...x.shape]).reduce(broadcastShape);
    return [tabulate(sameType(...operands), shape, (index) => f(...operands.map((x) => at(x, index))))];
  };

/** Bounds are attributes at operator set 6, inputs from 11 on. */
const clip: Kernel = ([x, low, high], node) => {
  const min = low?.data[0] ?? float(node, 'min', -Infinity);
  const max = high?.data[0] ?? float(node, 'max', Infinity);
  return [{ ...x!, data: x!.data.map((v) => Math.min(Math.max(v, min), max)) }];
};

const where: Kernel = ([condition, a, b]) => {
  if (condition!.type !== 'bool') throw new Error(`condition of type ${condition!.type}`);
  const shape = broadcastShape([...broadcastShape(condition!.shape, a!.shape)], b!.shape);
  return [tabulate(sameType(a!, b!), shape, (index) => (at(condition!, index) !== 0 ? at(a!, index) : at(b!, index)))];
};

/** The first of equals. */
const place =
  (better: (a: number, b: number) => boolean): Kernel =>
  ([x], node) => {
    const axis = axisOf(int(node, 'axis', 0), x!.shape.length);
    const found = tabulate('int64', x!.shape.with(axis, 1), (index) => {
      let best = 0;
      for (let i = 1; i < x!.shape[axis]!; i++)
        if (better(at(x!, index.with(axis, i)), at(x!, index.with(axis, best)))) best = i;
      return best;
    });
    const shape = int(node, 'keepdims', 1) === 1 ? found.shape : found.shape.toSpliced(axis, 1);
    return [{ ...found, shape }];
  };

/** Halves go to the even neighbour. */
const round = (x: number): number => {
  const near = Math.round(x);
  return Math.abs(x % 1) === 0.5 && near % 2 !== 0 ? near - 1 : near;
};

const whole =
  (f: (x: number) => number): Kernel =>
  ([x]) => [{ ...x!, data: x!.data.map(f) }];

export const selections: Readonly<Record<string, Kernel>> = {
  Greater: compare((a, b) => a > b),
  GreaterOrEqual: compare((a, b) => a >= b),
  Less: compare((a, b) => a < b),
  LessOrEqual: compare((a, b) => a <= b),
  Equal: compare((a, b) => a === b),
  And: compare((a, b) => a !== 0 && b !== 0),
  Or: compare((a, b) => a !== 0 || b !== 0),
  Xor: compare((a, b) => (a !== 0) !== (b !== 0)),
  Not: test((x) => x === 0),
  IsNaN: test(Number.isNaN),
  IsInf: test((x) => Math.abs(x) === Infinity),
  ArgMax: place((a, b) => a > b),
  ArgMin: place((a, b) => a < b),
  Sign: whole(Math.sign),
  Floor: whole(Math.floor),
  Ceil: whole(Math.ceil),
  Round: whole(round),
  Max: variadic(Math.max),
  Min: variadic(Math.min),
  Sum: variadic((...values) => values.reduce((a, b) => a + b)),
  Clip: clip,
  Where: where,
};
