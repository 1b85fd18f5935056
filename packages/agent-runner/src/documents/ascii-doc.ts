import { load, MemoryLogger } from "@asciidoctor/core";

/**
 * Says what is wrong with an AsciiDoc document; undefined when it parses. Parsing means: it has a title or a section,
 * and the parser reports no error and no block without its end; other warnings are matters of style. Nothing is
 * included from files or addresses.
 */
export async function asciiDocProblem(text: string): Promise<string | undefined> {
  const logger = new MemoryLogger();
  const document = await load(text, { safe: "secure", sourcemap: true, logger } as Parameters<typeof load>[1]);
  await document.convert();
  for (const message of logger.getMessages()) {
    const said = message.getText();
    if (message.getSeverity() === "WARN" && !said.startsWith("unterminated")) continue;
    if (message.getSeverity() === "INFO" || message.getSeverity() === "DEBUG") continue;
    const line = message.getSourceLocation()?.getLineNumber();
    return line === undefined ? said : `line ${line}: ${said}`;
  }
  return document.hasHeader() || document.getSections().length > 0 ? undefined : "it has no heading";
}
