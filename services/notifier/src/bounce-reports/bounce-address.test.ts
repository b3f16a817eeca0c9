import { randomBytes, randomUUID } from 'node:crypto'
import { toKeys } from '@rekey/platform/keys'
import t from 'tap'
import { createBounceAddresses } from './bounce-address.ts'

const newKey = () => randomBytes(32).toString('base64url')
const [oldKey, key] = [newKey(), newKey()]
const day = 86_400_000
const domain = 'bounce.bank.example'
const create = (text: string, at = Date.now()) =>
  createBounceAddresses({ keys: toKeys(text), domain, now: () => new Date(at) })

t.test('a bounce address names its message, also in other letters and with an earlier key', async (t) => {
  for (const id of [randomUUID(), `${randomUUID()}.1`, `${randomUUID()}.9999`]) {
    const address = create(oldKey).addressOf(id)
    t.match(address, /^bounce\+[0-9a-f]{56}@bounce\.bank\.example$/)
    t.equal(create(oldKey).messageOf(address ?? ''), id)
    t.equal(create(oldKey).messageOf((address ?? '').toUpperCase()), id)
    t.equal(create(`b:${key},${oldKey}`).messageOf(address ?? ''), id)
  }
})

t.test('a bounce address holds the longest local part of a mailbox (RFC 5321 §4.5.3.1.1)', async (t) => {
  t.ok((create(key).addressOf(randomUUID()) ?? '').indexOf('@') <= 64)
})

t.test('a forged, foreign or old bounce address names no message', async (t) => {
  const now = Date.now()
  const address = create(key, now).addressOf(`${randomUUID()}.1`) ?? ''
  t.equal(create(newKey(), now).messageOf(address), undefined, 'another key')
  for (const at of [7, 8, 40, 43, 44, 46, 50, 62]) {
    const other = address[at] === '0' ? '1' : '0'
    t.equal(create(key, now).messageOf(address.slice(0, at) + other + address.slice(at + 1)), undefined, `byte ${at}`)
  }
  t.ok(create(key, now + 14 * day).messageOf(address))
  t.equal(create(key, now + 15 * day).messageOf(address), undefined, 'older than 14 days')
  t.ok(create(key, now - day).messageOf(address), 'a clock that is behind')
  t.equal(create(key, now - 2 * day).messageOf(address), undefined, 'of the future')
  t.equal(create(key, now).messageOf(address.replace(domain, 'bank.example')), undefined, 'another domain')
  for (const text of ['', '@', 'bounce+', `bounce+@${domain}`, `no-reply@${domain}`, `${address}x`, 'x'.repeat(10_000)])
    t.equal(create(key, now).messageOf(text), undefined, text.slice(0, 40))
})

t.test('an event of another form has no bounce address', async (t) => {
  for (const id of ['', 'an id', `${randomUUID()}.12345`, `${randomUUID()}.x`]) {
    t.equal(create(key).addressOf(id), undefined, id)
  }
})
