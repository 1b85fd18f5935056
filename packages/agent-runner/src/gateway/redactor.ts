/** Takes known secrets out of texts that leave the gateway: logs, messages, answers. */
export class Redactor {
  #forms: string[] = [];

  /** From now on `secret` is replaced wherever it stands, also encoded as Git and HTTP write it. */
  add(secret: string): void {
    const forms = [
      secret,
      encodeURIComponent(secret),
      JSON.stringify(secret).slice(1, -1),
      Buffer.from(secret).toString("base64"),
      Buffer.from(`x-access-token:${secret}`).toString("base64"),
    ];
    // Longest first, so that no form is cut apart by a shorter one inside it.
    this.#forms = [...new Set([...this.#forms, ...forms])]
      .filter((form) => form !== "")
      .toSorted((a, b) => b.length - a.length);
  }

  apply(text: string): string {
    return this.#forms.reduce((current, form) => current.replaceAll(form, "[redacted]"), text);
  }
}
