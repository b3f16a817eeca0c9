import fc from 'fast-check'
import { nanos, type StreamConfig } from 'nats'
import t from 'tap'
import { corrected, differences, wantedStreams } from './stream-settings.ts'

const [deadLetters, auth] = wantedStreams(['AUTH'])
if (!deadLetters || !auth) throw new Error('no streams')

const found = (more: object = {}) =>
  ({ ...auth, max_bytes: -1, max_msgs: -1, num_replicas: 1, ...more }) as StreamConfig

t.test('sizes, copies, placement and longer ages are the operator’s', async (t) => {
  const settings = [
    { max_bytes: 1 },
    { max_msgs: 7, max_consumers: 5 },
    { num_replicas: 5, placement: { cluster: 'east' } },
    { compression: 's2', metadata: { owner: 'payments' }, description: 'events' },
    { max_age: 0 },
    { max_age: nanos(365 * 86_400_000) },
    { duplicate_window: nanos(3_600_000) },
    { consumer_limits: {}, first_seq: 0, subject_transform: null, allow_rollup_hdrs: false },
  ]
  for (const setting of settings) t.same(differences(found(setting), auth), [], JSON.stringify(setting))
  t.same(differences(found({ max_age: nanos(86_400_000) }), auth), ['max_age'])
  t.same(differences(found({ duplicate_window: nanos(1_000) }), auth), ['duplicate_window'])
})

t.test('S47: a setting that is not known counts as foreign, whatever its name and value', async (t) => {
  const forging = {
    republish: { src: '>', dest: 'password.restored' },
    mirror: { name: 'FORGE' },
    sources: [{ name: 'FORGE' }],
    subject_transform: { src: 'auth.>', dest: 'password.>' },
    allow_msg_schedules: true,
    allow_rollup_hdrs: true,
    subjects: [...(auth.subjects ?? []), 'password.restored'],
  }
  for (const [name, value] of Object.entries(forging)) t.same(differences(found({ [name]: value }), auth), [name])

  const value = fc.oneof(
    fc.constant(true),
    fc.integer({ min: 1 }),
    fc.string({ minLength: 1 }),
    fc.array(fc.string(), { minLength: 1 }),
  )
  const name = fc.stringMatching(/^x_[a-z_]{1,20}$/)
  fc.assert(
    fc.property(name, value, (setting, given) => differences(found({ [setting]: given }), auth).includes(setting)),
  )
})

t.test('the correction removes what is foreign, and keeps the operator’s settings', async (t) => {
  const before = found({
    max_bytes: 7,
    max_age: nanos(365 * 86_400_000),
    republish: { src: '>', dest: 'x' },
    max_msg_size: 1,
  })
  const after = { ...before, ...corrected(before, auth) }
  t.same(differences(after, auth), [])
  t.match(after, { max_bytes: 7, max_age: nanos(365 * 86_400_000), max_msg_size: -1 })
})
