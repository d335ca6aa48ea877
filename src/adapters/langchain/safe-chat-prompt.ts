/** A few-shot conversation that never reads an example as template text. */
import type { BaseMessage } from '@langchain/core/messages';
import { FewShotChatMessagePromptTemplate, renderTemplate } from '@langchain/core/prompts';
import { textOfContent } from '../chat-format.js';
import { exampleValues } from './example-values.js';

/**
 * As messages LangChain's `FewShotChatMessagePromptTemplate` is filled once, but writes "undefined" for a key that an example lacks,
 * which is an error here; as one string it is filled twice, as its `FewShotPromptTemplate` is.
 */
export class SafeFewShotChatMessagePromptTemplate extends FewShotChatMessagePromptTemplate {
  static override lc_name(): string {
    return 'SafeFewShotChatMessagePromptTemplate';
  }

  override async formatMessages(values: Record<string, unknown>): Promise<BaseMessage[]> {
    return this.fill((await this.mergePartialAndUserVariables(values)) as Record<string, unknown>);
  }

  override async format(values: Record<string, unknown>): Promise<string> {
    const variables = (await this.mergePartialAndUserVariables(values)) as Record<string, unknown>;
    const texts = (await this.fill(variables)).map(({ content }) => textOfContent(content));
    const [prefix, suffix] = [this.prefix, this.suffix].map((part) =>
      renderTemplate(part, this.templateFormat, variables),
    ) as [string, string];
    return [prefix, ...texts, suffix].join(this.exampleSeparator);
  }

  override async partial(
    values: Parameters<FewShotChatMessagePromptTemplate['partial']>[0],
  ): Promise<SafeFewShotChatMessagePromptTemplate> {
    return new SafeFewShotChatMessagePromptTemplate(await super.partial(values));
  }

  private async fill(variables: Record<string, unknown>): Promise<BaseMessage[]> {
    const examples = await exampleValues(this, variables, this.examplePrompt);
    const messages = await Promise.all(examples.map((example) => this.examplePrompt.formatMessages(example)));
    return messages.flat();
  }
}
