// SHA-256 of bytes as they come (FIPS 180-4): WebCrypto digests only what lies in memory whole.
// It gives the figure that `sha256sum` prints; what proves every byte is the tree of leaves.
const PRIMES = [];
for (let n = 2; PRIMES.length < 64; n++) if (PRIMES.every((p) => n % p)) PRIMES.push(n);
// Section 4.2.2 and 5.3.3: the first 32 bits of the fractions of roots of the first primes.
const fraction = (root) => Math.floor((root - Math.floor(root)) * 2 ** 32) | 0;
const ROUND = Int32Array.from(PRIMES, (p) => fraction(Math.cbrt(p)));
const FIRST = Int32Array.from(PRIMES.slice(0, 8), (p) => fraction(Math.sqrt(p)));

export class Sha256 {
  #state = FIRST.slice();
  #words = new Int32Array(64);
  #rest = new Uint8Array(64);
  #kept = 0;
  #size = 0;

  update(raw) {
    this.#size += raw.length;
    let at = 0;
    if (this.#kept) {
      at = Math.min(64 - this.#kept, raw.length);
      this.#rest.set(raw.subarray(0, at), this.#kept);
      this.#kept += at;
      if (this.#kept < 64) return this;
      fold(this.#state, this.#words, new DataView(this.#rest.buffer), 0);
      this.#kept = 0;
    }
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    for (; at + 64 <= raw.length; at += 64) fold(this.#state, this.#words, view, at);
    this.#rest.set(raw.subarray(at));
    this.#kept = raw.length - at;
    return this;
  }

  digest() {
    const size = this.#size, end = new Uint8Array(this.#kept < 56 ? 64 : 128);
    end.set(this.#rest.subarray(0, this.#kept));
    end[this.#kept] = 0x80;
    const view = new DataView(end.buffer);
    view.setUint32(end.length - 8, Math.floor(size / 2 ** 29));
    view.setUint32(end.length - 4, (size << 3) >>> 0);
    for (let at = 0; at < end.length; at += 64) fold(this.#state, this.#words, view, at);
    const made = new Uint8Array(32), out = new DataView(made.buffer);
    this.#state.forEach((word, at) => out.setInt32(4 * at, word));
    return made;
  }

}

// One block; all sums are taken in 32 bits, which engines do fast.
function fold(s, w, view, start) {
  for (let t = 0; t < 16; t++) w[t] = view.getInt32(start + 4 * t);
  for (let t = 16; t < 64; t++) {
    const x = w[t - 15], y = w[t - 2];
    const low = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const high = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[t] = (((w[t - 16] + low) | 0) + ((w[t - 7] + high) | 0)) | 0;
  }
  let a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
  for (let t = 0; t < 64; t++) {
    const six = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const one = (((h + six) | 0) + ((((e & f) ^ (~e & g)) + ((ROUND[t] + w[t]) | 0)) | 0)) | 0;
    const two = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const other = (two + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g; g = f; f = e; e = (d + one) | 0;
    d = c; c = b; b = a; a = (one + other) | 0;
  }
  s[0] += a; s[1] += b; s[2] += c; s[3] += d; s[4] += e; s[5] += f; s[6] += g; s[7] += h;
}
