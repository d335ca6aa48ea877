/** Drop-ins for LangChain.js: `fungi-icl/langchain`, over `@langchain/core`. The middleware for agents is `fungi-icl/langchain/agent`. */
export { FungiExampleSelector } from './example-selector.js';
export type { FungiExampleSelectorOptions, ScoredExample } from './example-selector.js';
export { SafeFewShotPromptTemplate } from './safe-prompt.js';
export { SafeFewShotChatMessagePromptTemplate } from './safe-chat-prompt.js';
export { FungiEmbeddings } from './embeddings.js';
export { FungiRetriever } from './retriever.js';
export type { FungiRetrieverFields } from './retriever.js';
