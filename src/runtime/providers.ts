/** Where graphs can run. This file loads nothing, so that a help text can list them. */
export const PROVIDERS = ['cpu', 'cuda', 'coreml', 'dml', 'webgpu', 'tensorrt'] as const;
export type Provider = (typeof PROVIDERS)[number];
