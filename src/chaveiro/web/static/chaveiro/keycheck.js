// Product keys checked where they are typed; nothing is sent. The same answers as chaveiro/rules/keys: tests/web proves it.
// chaveiroKeyCheck.read(text) reads the field of one key, chaveiroKeyCheck.findAll(text) finds all keys in a text.
(function (root) {
  "use strict";
  const SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const DASH = "\\p{Pd}\u02d7\u2043\u207b\u208b\u2212\u2500\u2501\u2796\u30fc\u{10d6e}";
  const DOT = ".\xb7\u2022\u2024-\u2027\u2219\u22c5\u3002\u30fb\ufe52\uff0e\uff61\uff65";
  const NOTHING = "\\p{Cc}\\p{Z}\\p{Cf}\\p{DI}\u2800" + DASH + DOT;
  const HARD = ",;:|\"'`(){}<>=/#&@+%“”„‟‘’‚‛«»‹›\\[\\]\\\\";
  const IGNORED = new RegExp("[" + NOTHING + "]", "gu");
  const WORD = new RegExp("[^" + NOTHING + HARD + "]+", "gu");
  const ENDS = new RegExp("[" + HARD + "]", "u");
  const WRAP = new RegExp("^[" + DASH + "] *\r?\n *$", "u");
  const DIGIT = /[0-9０-９]/g;

  // GF(32), primitive polynomial 0x25, generator 2.
  const EXP = [];
  const LOG = [];
  for (let i = 0, power = 1; i < 62; i++, power = (power << 1) ^ (power & 16 ? 0x25 : 0)) {
    EXP[i] = power;
    if (i < 31) LOG[power] = i;
  }
  const times = (a, b) => (a && b ? EXP[LOG[a] + LOG[b]] : 0);
  const over = (a, b) => (a ? EXP[LOG[a] - LOG[b] + 31] : 0);

  // Index → what to exclusive-or there. Empty: nothing is wrong; null: no key within two symbols.
  function locate(values) {
    const [s0, s1, s2, s3] = [0, 1, 2, 3].map((j) => values.reduce((sum, v) => times(sum, EXP[j]) ^ v, 0));
    if (!(s0 | s1 | s2 | s3)) return {};
    const determinant = times(s1, s1) ^ times(s0, s2);
    if (!determinant) {
      if (!s0 || !s1 || times(s2, s2) !== times(s1, s3)) return null;
      const degree = LOG[over(s1, s0)];
      return degree < 25 ? { [24 - degree]: s0 } : null;
    }
    const first = over(times(s1, s2) ^ times(s0, s3), determinant);
    const second = over(times(s1, s3) ^ times(s2, s2), determinant);
    const [here, there] = [...values.keys()].filter((d) => times(EXP[d], EXP[d] ^ first) === second);
    if (there === undefined) return null;
    const value = over(s1 ^ times(s0, EXP[there]), EXP[here] ^ EXP[there]);
    return { [24 - there]: s0 ^ value, [24 - here]: value };
  }

  const size = (text) => Array.from(text).length;
  const valueOf = (c) => {
    const symbol = (/[０-９Ａ-Ｚａ-ｚ]/.test(c) ? String.fromCharCode(c.charCodeAt(0) - 0xfee0) : c)
      .replace(/[a-z]/, (small) => small.toUpperCase());
    return SYMBOLS.indexOf({ O: "0", I: "1", L: "1" }[symbol] || symbol);
  };
  const grouped = (values, wrong) =>
    values.map((v, i) => SYMBOLS[v ^ (wrong[i] || 0)]).join("").match(/.{5}/g).join("-");

  // The key that was meant where foreign symbols stand: between its symbols, or in the place of one or two.
  function meant(values) {
    const own = values.filter((v) => v >= 0);
    if (own.length === 25) return Object.keys(locate(own) || [0]).length ? null : grouped(own, {});
    if (values.length !== 25 || own.length < 23) return null;
    const filled = values.map((v) => Math.max(v, 0));
    const wrong = locate(filled);
    return wrong && grouped(filled, wrong);
  }

  function read(typed) {
    const answer = (verdict, positions = [], repair = null, key = null) => ({ typed, key, verdict, positions, repair });
    if (size(typed) > 500) {
      typed = Array.from(typed).slice(0, 500).join("");
      return answer("key_length");
    }
    const values = Array.from(typed.normalize("NFC").replace(IGNORED, ""), valueOf);
    if (!values.length) return answer("key_empty");
    const foreign = values.flatMap((v, i) => (v < 0 ? [i + 1] : []));
    if (foreign.length) return answer("key_symbol", foreign, meant(values));
    if (values.length !== 25) return answer("key_length");
    const wrong = locate(values);
    if (!wrong) return answer("key_checksum");
    const positions = Object.keys(wrong).map((i) => +i + 1);
    const key = grouped(values, wrong);
    return positions.length ? answer("key_checksum", positions, key) : answer("ok", [], null, key);
  }

  function gapOf(between) {
    if (ENDS.test(between)) return "hard";
    if (!/[\p{Cc}\p{Z}]/u.test(between) || WRAP.test(between)) return "tight";
    return /[\t-\r\x85\u2028\u2029]/.test(between) ? "break" : "loose";
  }

  function stretches(text) {
    const found = [];
    let last = -1;
    for (const { 0: word, index: start } of text.matchAll(WORD)) {
      const inner = word.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, "");
      if (!inner) continue;
      const gap = last < 0 ? "hard" : gapOf(text.slice(last, start));
      if (gap === "hard") found.push([]);
      const left = start + word.indexOf(inner);
      last = start + word.length;
      found[found.length - 1].push({ start, end: last, left, right: left + inner.length, gap, size: size(inner) });
    }
    return found;
  }

  // The index after the words that read as a key from `first` on, or 0.
  function keyFrom(text, words, first) {
    let after = first;
    let total = 0;
    while (total < 25 && after < words.length && after < first + 7) total += words[after++].size;
    if (total !== 25) return 0;
    const piece = text.slice(words[first].left, words[after - 1].right);
    const regular = after === first + 1 || words.slice(first, after).every((word) => word.size === 5);
    if (!/[A-Za-zＡ-Ｚａ-ｚ]/.test(piece) || !(regular || piece.search(DIGIT) >= 0)) return 0;
    return read(piece).verdict === "ok" ? after : 0;
  }

  function shapeOf(text, words, kindOf) {
    let [start, end] = [words[0].start, words[words.length - 1].end];
    const sizes = words.map((word) => size(text.slice(word.start, word.end)));
    if (sizes.reduce((a, b) => a + b) !== 25) {
      [start, end] = [words[0].left, words[words.length - 1].right];
      sizes[0] -= size(text.slice(words[0].start, start));
      sizes[sizes.length - 1] -= size(text.slice(end, words[words.length - 1].end));
    }
    const piece = text.slice(start, end);
    const small = /[a-zａ-ｚ]/.test(piece);
    const mixed = small && /[A-ZＡ-Ｚ]/.test(piece);
    const [kind, digits] = kindOf(sizes, sizes.reduce((a, b) => a + b), piece, mixed);
    if (!kind || (piece.match(/[A-Za-zＡ-Ｚａ-ｚ]/g) || []).length < 6) return [];
    if ((piece.match(DIGIT) || []).length < digits[+!small]) return [];
    const reading = read(piece);
    if (reading.verdict === "key_symbol" && reading.positions.length > 4) return [];
    const groups = words.filter((word) => text.slice(word.start, word.end).search(DIGIT) >= 0).length;
    if (kind === 1 && groups < 1 + small) return [];
    return [{ start, end, rank: kind * 100 + !mixed * 50 + groups * 2 + !!reading.repair }];
  }

  function chainKind(sizes, total, piece, mixed) {
    const off = Math.abs(total - 25);
    if (sizes.length === 1) return [(!off || (off === 1 && !mixed && /[G-Zg-zＧ-Ｚｇ-ｚ]/.test(piece))) && 2, [3, off]];
    if (!off) return [sizes.length <= 7 && Math.min(...sizes) >= 4 && 2, [2, 1]];
    return [sizes.length === 5 && off <= 2 && sizes.every((n) => n > 3 && n < 7) && 2, [2, 1]];
  }

  function shapes(text, words) {
    const chains = [];
    for (const word of words) {
      if (!chains.length || word.gap !== "tight") chains.push([]);
      chains[chains.length - 1].push(word);
    }
    const found = chains.flatMap((chain) => shapeOf(text, chain, chainKind));
    for (let i = 0; i + 5 <= words.length; i++) {
      const gaps = words.slice(i + 1, i + 5).map((word) => word.gap);
      if (gaps.includes("break")) continue;
      const kind = gaps.includes("loose") ? 1 : 3;
      found.push(...shapeOf(text, words.slice(i, i + 5), (sizes) => [sizes.every((n) => n === 5) && kind, kind === 1 ? [2, 1] : [1, 0]]));
    }
    return found;
  }

  function findAll(typed) {
    if (size(typed) > 500000) throw new RangeError("too_long");
    const text = typed.normalize("NFC");
    const found = [];
    const meantOnes = [];
    for (const words of stretches(text)) {
      let rest = 0;
      for (let first = 0; first < words.length; ) {
        const after = keyFrom(text, words, first);
        if (after) {
          found.push({ start: words[first].left, end: words[after - 1].right });
          meantOnes.push(...shapes(text, words.slice(rest, first)));
          rest = after;
        }
        first = after || first + 1;
      }
      meantOnes.push(...shapes(text, words.slice(rest)));
    }
    const taken = new Uint8Array(text.length);
    for (const shape of meantOnes.sort((a, b) => b.rank - a.rank)) {
      if (taken.subarray(shape.start, shape.end).includes(1)) continue;
      taken.fill(1, shape.start, shape.end);
      found.push(shape);
    }
    return found.sort((a, b) => a.start - b.start).map(({ start, end }) => read(text.slice(start, end)));
  }

  root.chaveiroKeyCheck = { read, findAll };
})(globalThis);
