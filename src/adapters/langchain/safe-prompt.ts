/** A few-shot prompt that never reads an example as template text. */
import { FewShotPromptTemplate, renderTemplate, type FewShotPromptTemplateInput } from '@langchain/core/prompts';
import { exampleValues } from './example-values.js';

/**
 * LangChain's `FewShotPromptTemplate` joins prefix, filled examples and suffix and fills the whole once more: a brace in an example
 * throws, and `{name}` in one is replaced by the variable of that name. Here each part is filled once. What LangChain's own writes for
 * examples without braces is written for all.
 */
export class SafeFewShotPromptTemplate extends FewShotPromptTemplate {
  static override lc_name(): string {
    return 'SafeFewShotPromptTemplate';
  }

  override async format(values: Record<string, unknown>): Promise<string> {
    const variables = (await this.mergePartialAndUserVariables(values)) as Record<string, unknown>;
    const examples = await exampleValues(this, variables, this.examplePrompt);
    const filled = await Promise.all(examples.map((example) => this.examplePrompt.format(example)));
    const [prefix, suffix] = [this.prefix, this.suffix].map((part) =>
      renderTemplate(part, this.templateFormat, variables),
    ) as [string, string];
    return [prefix, ...filled, suffix].join(this.exampleSeparator);
  }

  override async partial(values: Parameters<FewShotPromptTemplate['partial']>[0]): Promise<SafeFewShotPromptTemplate> {
    return new SafeFewShotPromptTemplate((await super.partial(values)) as FewShotPromptTemplateInput);
  }
}
