/** Circular and hyperbolic functions and their inverses. */
import type { Kernel } from '../node-call.js';

export const trigonometry = {
  Sin: (c) => c.tf.sin(c.input(0)),
  Cos: (c) => c.tf.cos(c.input(0)),
  Tan: (c) => c.tf.tan(c.input(0)),
  Asin: (c) => c.tf.asin(c.input(0)),
  Acos: (c) => c.tf.acos(c.input(0)),
  Atan: (c) => c.tf.atan(c.input(0)),
  Sinh: (c) => c.tf.sinh(c.input(0)),
  Cosh: (c) => c.tf.cosh(c.input(0)),
  Tanh: (c) => c.tf.tanh(c.input(0)),
  Asinh: (c) => c.tf.asinh(c.input(0)),
  Acosh: (c) => c.tf.acosh(c.input(0)),
  Atanh: (c) => c.tf.atanh(c.input(0)),
} satisfies Record<string, Kernel>;
