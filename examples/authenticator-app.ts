// Prints the code that an authenticator app shows now (RFC 6238: SHA-1, 6 digits, 30 s). It stands for a customer's phone:
// the sandbox's third customer has the secret below.
//
//   node_modules/.bin/node examples/authenticator-app.ts [SECRET]
import { createHmac } from 'node:crypto'

const [secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'] = process.argv.slice(2)

/** Base32 (RFC 4648 §6). */
const decode = (text: string): Buffer => {
  const digits = Array.from(text.toUpperCase(), (letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter))
  const bits = digits.map((digit) => digit.toString(2).padStart(5, '0')).join('')
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
}

const step = Buffer.alloc(8)
step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)))
const mac = createHmac('sha1', decode(secret)).update(step).digest()
// RFC 4226 §5.3: the last four bits say where the code begins.
const number = mac.readUInt32BE((mac.at(-1) ?? 0) & 0xf) & 0x7fffffff
console.log(String(number % 1_000_000).padStart(6, '0'))
