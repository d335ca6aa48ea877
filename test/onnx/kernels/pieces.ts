import { elementType } from '../../../src/onnx/tensor.js';
import { at, axisOf, int64s, product, tabulate, type Value } from '../value.js';
import { int, ints, type Kernel } from './kernel.js';

const split: Kernel = ([x, sizesInput], node, opset) => {
  const axis = axisOf(int(node, 'axis', 0), x!.shape.length);
  const attribute = ints(node, 'split');
  if (opset >= 13 ? attribute !== undefined : sizesInput !== undefined)
    throw new Error(`sizes in the wrong form for set ${opset}`);
  const size = x!.shape[axis]!;
  const parts = int(node, 'num_outputs', node.output.length);
  const each = Math.ceil(size / parts);
  const equal = Array.from({ length: parts }, (_, i) => Math.min(each, size - i * each));
  const sizes = attribute ?? (sizesInput ? int64s(sizesInput) : equal);
  let start = 0;
  return sizes.map((length) => {
    const from = start;
    start += length;
    return tabulate(x!.type, x!.shape.with(axis, length), (index) => at(x!, index.with(axis, index[axis]! + from)));
  });
};

const gather: Kernel = ([x, indices], node) => {
  const axis = axisOf(int(node, 'axis', 0), x!.shape.length);
  const rank = indices!.shape.length;
  const shape = [...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)];
  const out = tabulate(x!.type, shape, (index) => {
    const position = at(indices!, index.slice(axis, axis + rank));
    const size = x!.shape[axis]!;
    if (position < -size || position >= size) throw new Error(`index ${position} of ${size}`);
    return at(x!, [...index.slice(0, axis), position < 0 ? position + size : position, ...index.slice(axis + rank)]);
  });
  return [out];
};

const oneHot: Kernel = ([indices, depthInput, values], node) => {
  if (int(node, 'axis', -1) !== -1) throw new Error('only along a new last axis');
  const depth = depthInput!.data[0]!;
  const [off, on] = values!.data as unknown as [number, number];
  const out = tabulate(values!.type, [...indices!.shape, depth], (index) => {
    const position = at(indices!, index.slice(0, -1));
    return (position < 0 ? position + depth : position) === index.at(-1) ? on : off;
  });
  return [out];
};

const tile: Kernel = ([x, repeats]) => {
  const counts = int64s(repeats!);
  const shape = x!.shape.map((size, axis) => size * counts[axis]!);
  return [tabulate(x!.type, shape, (index) => at(x!, index.map((i, axis) => i % x!.shape[axis]!)))]; // prettier-ignore
};

const trilu: Kernel = ([x, diagonal], node) => {
  const k = diagonal?.data[0] ?? 0;
  const upper = int(node, 'upper', 1) === 1;
  const out = tabulate(x!.type, x!.shape, (index) => {
    const distance = index.at(-1)! - index.at(-2)!;
    return (upper ? distance >= k : distance <= k) ? at(x!, index) : 0;
  });
  return [out];
};

const range: Kernel = ([start, limit, step]) => {
  const [from, to, by] = [start!.data[0]!, limit!.data[0]!, step!.data[0]!];
  const length = Math.max(0, Math.ceil((to - from) / by));
  return [{ type: start!.type, shape: [length], data: Float64Array.from({ length }, (_, i) => from + i * by) }];
};

const constantOfShape: Kernel = ([shape], node) => {
  const tensor = node.attribute.find(({ name }) => name === 'value')?.t;
  const sizes = int64s(shape!);
  const type = tensor === undefined ? 'float32' : elementType(tensor.dataType);
  const bytes = tensor && new DataView(tensor.rawData.buffer, tensor.rawData.byteOffset);
  const value = type === 'int64' ? Number(bytes!.getBigInt64(0, true)) : (bytes?.getFloat32(0, true) ?? 0);
  return [{ type, shape: sizes, data: new Float64Array(product(sizes)).fill(value) } satisfies Value];
};

export const pieces: Readonly<Record<string, Kernel>> = {
  Split: split,
  Gather: gather,
  OneHot: oneHot,
  Tile: tile,
  Trilu: trilu,
  Range: range,
  ConstantOfShape: constantOfShape,
};
