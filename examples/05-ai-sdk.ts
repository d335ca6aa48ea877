import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, wrapLanguageModel } from 'ai';
import { FungiSelector } from '../src/index.js';
import { fungiMiddleware } from '../src/adapters/ai-sdk/index.js';

const selector = await FungiSelector.open({ name: 'help-desk' });
const baseURL = process.env['OPENAI_BASE_URL'] ?? 'http://127.0.0.1:8080/v1';
const llm = createOpenAICompatible({ name: 'llm', baseURL })(process.env['OPENAI_MODEL'] ?? 'default');
const model = wrapLanguageModel({ model: llm, middleware: fungiMiddleware({ selector, template: 'classify-chat' }) });
console.log((await generateText({ model, prompt: 'my library card was stolen, can I still borrow?' })).text);
