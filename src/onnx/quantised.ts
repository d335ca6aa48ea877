/** How a graph is quantised, by its operators: rounding lets no derivative through, and a scale taken from a batch ties its rows together. */
import { readLightModel } from './light-model.js';
import type { NodeProto } from './proto/onnx_pb.js';

/** Operators that take one scale of a whole tensor when they run. */
const DYNAMIC = new Set(['DynamicQuantizeLinear', 'DynamicQuantizeMatMul', 'DynamicQuantizeLSTM']);
/** Operators that compute with rounded numbers. DequantizeLinear is none: weights that are stored rounded are just weights. */
const ROUNDED = new Set([
  ...['QuantizeLinear', 'MatMulInteger', 'MatMulIntegerToFloat', 'ConvInteger', 'QAttention', 'QGemm'],
  ...['MatMulNBits', 'MatMulBnb4', 'GatherBlockQuantized', 'QEmbedLayerNormalization', 'QOrderedMatMul'],
  ...['QLinearMatMul', 'QLinearAdd', 'QLinearMul', 'QLinearSoftmax', 'QLinearConv', 'QLinearSigmoid'],
  ...DYNAMIC,
]);

/** Whether any of the nodes rounds. */
export const isQuantised = (nodes: readonly NodeProto[]): boolean => nodes.some(({ opType }) => ROUNDED.has(opType));

/** Whether rows of a batch change each other's numbers. */
export const isEntangled = (nodes: readonly NodeProto[]): boolean => nodes.some(({ opType }) => DYNAMIC.has(opType));

/** @throws {FungiError} MODEL_CORRUPT */
export const isQuantisedModel = (path: string): boolean => isQuantised(readLightModel(path, '').graph!.node);
