const newline = 0x0a;

/**
 * Splits a byte stream at newlines, and gives the lines that end in one piece of it together: a busy watch brings dozens, and handing each
 * over by itself would cost more than reading it. A last line without its newline is dropped: the connection was cut in the middle of it.
 */
export async function* lines(chunks: AsyncIterable<Buffer>, onChunk: () => void): AsyncGenerator<Buffer[]> {
  let rest: Buffer[] = [];
  for await (const chunk of chunks) {
    onChunk();
    const ended: Buffer[] = [];
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      const last = chunk.subarray(start, end);
      const line = rest.length === 0 ? last : Buffer.concat([...rest, last]);
      rest = [];
      start = end + 1;
      if (line.length > 0) ended.push(line);
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
    if (ended.length > 0) yield ended;
  }
}
