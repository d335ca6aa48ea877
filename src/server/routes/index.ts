/** Every route of the REST API but the chat proxy's and those of operations. */
import type { Route } from '../route.js';
import { addExamples } from './examples/add.js';
import { deleteExamples } from './examples/delete.js';
import { getExample } from './examples/get.js';
import { createIndex } from './indexes/create.js';
import { deleteIndex } from './indexes/delete.js';
import { describeIndex } from './indexes/describe.js';
import { indexHealth } from './indexes/health.js';
import { listIndexes } from './indexes/list.js';
import { embeddings } from './openai/embeddings.js';
import { describeModel, listModels } from './openai/models.js';
import { answer } from './selection/answer.js';
import { prompt } from './selection/prompt.js';
import { retrieve } from './selection/retrieve.js';

export const ROUTES: readonly Route[] = [
  listIndexes,
  createIndex,
  describeIndex,
  deleteIndex,
  indexHealth,
  addExamples,
  getExample,
  deleteExamples,
  retrieve,
  prompt,
  answer,
  embeddings,
  listModels,
  describeModel,
];
