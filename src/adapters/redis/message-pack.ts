type Value = string | number | null;

/** Reads an array of numbers, texts, `false` and `nil` (both null here) as Lua's `cmsgpack.pack` writes it. */
export function unpackArray(bytes: Buffer): Value[] {
  const head = bytes[0] as number;
  let at = 1;
  let count: number;
  if (head >= 0x90 && head <= 0x9f) count = head - 0x90;
  else if (head === 0xdc) {
    count = bytes.readUInt16BE(1);
    at = 3;
  } else throw new TypeError(`a packed record begins with 0x${head?.toString(16)}, which is no array`);
  const values: Value[] = new Array(count);

  function text(start: number, length: number): string {
    at = start + length;
    return bytes.toString("utf8", start, at);
  }

  function next(): Value {
    const type = bytes[at] as number;
    const start = at + 1;
    if (type <= 0x7f || type >= 0xe0) {
      at = start;
      return type <= 0x7f ? type : type - 0x100;
    }
    if (type >= 0xa0 && type <= 0xbf) return text(start, type - 0xa0);
    switch (type) {
      case 0xc0:
      case 0xc2:
        at = start;
        return null;
      case 0xc3:
        at = start;
        return 1;
      case 0xca:
        at = start + 4;
        return bytes.readFloatBE(start);
      case 0xcb:
        at = start + 8;
        return bytes.readDoubleBE(start);
      case 0xcc:
        at = start + 1;
        return bytes[start] as number;
      case 0xcd:
        at = start + 2;
        return bytes.readUInt16BE(start);
      case 0xce:
        at = start + 4;
        return bytes.readUInt32BE(start);
      case 0xcf:
        at = start + 8;
        return bytes.readUInt32BE(start) * 0x1_0000_0000 + bytes.readUInt32BE(start + 4);
      case 0xd0:
        at = start + 1;
        return bytes.readInt8(start);
      case 0xd1:
        at = start + 2;
        return bytes.readInt16BE(start);
      case 0xd2:
        at = start + 4;
        return bytes.readInt32BE(start);
      case 0xd3:
        at = start + 8;
        return Number(bytes.readBigInt64BE(start));
      case 0xd9:
        return text(start + 1, bytes[start] as number);
      case 0xda:
        return text(start + 2, bytes.readUInt16BE(start));
      case 0xdb:
        return text(start + 4, bytes.readUInt32BE(start));
      default:
        throw new TypeError(`a packed record has a 0x${type.toString(16)}, which is no part of one`);
    }
  }

  for (let index = 0; index < count; index++) values[index] = next();
  return values;
}
