import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'
import { PermanentError } from '@rekey/platform/consumer'
import { createLogger } from '@rekey/platform/logger'
import { startPasswordService } from '@rekey/test-support/password-service'
import t, { type Test } from 'tap'
import { openDatabase } from './database.ts'

const service = await startPasswordService(t, { privatePostgres: true })
const { query } = service
const customer = await service.customer()

/** Opens a database as the service does, with fewer connections. */
const open = (t: Test) => {
  const log = createLogger({ name: 'test', level: 'silent' })
  const database = openDatabase({ url: service.variables.DATABASE_URL, poolSize: 2, log })
  t.teardown(() => database.close())
  return database
}

t.test('a database that lacks a migration is not ready until it is applied', async (t) => {
  const database = open(t)
  await service.query('ALTER TABLE spent_token RENAME COLUMN expires_at TO expires')
  await t.rejects(database.check(), /expires_at/)
  await service.query('ALTER TABLE spent_token RENAME COLUMN expires TO expires_at')
  await t.resolves(database.check())
})

const secret = '$argon2id$planted'
const thrownBy = (work: Promise<unknown>): Promise<Error & { code?: string; cause?: unknown }> =>
  work.then(
    () => Promise.reject(new Error('nothing was thrown')),
    (error) => error,
  )

t.test('S25: time-outs, locks and lost connections are the error unavailable', async (t) => {
  const database = open(t)
  const isUnavailable = async (what: string, work: Promise<unknown>) =>
    t.match(await thrownBy(work), { name: 'RekeyError', code: 'unavailable', retryAfterSeconds: 2 }, what)
  await isUnavailable(
    'a statement that takes too long',
    database.query((prisma) => prisma.$queryRaw`SELECT pg_sleep(2)::text`),
  )
  await isUnavailable(
    'a transaction that takes too long',
    database.transaction((tx) => tx.$queryRaw`SELECT pg_sleep(0.3)::text`, { timeoutMs: 100 }),
  )
  await isUnavailable(
    'a connection that the operator terminates',
    database.query((prisma) => prisma.$queryRaw`SELECT pg_terminate_backend(pg_backend_pid())`),
  )
  await database.transaction(async (tx) => {
    await tx.$queryRaw`SELECT 1 FROM customer WHERE id = ${customer.id} FOR UPDATE`
    await isUnavailable(
      'a locked row',
      database.query((prisma) => prisma.$queryRaw`SELECT 1 FROM customer WHERE id = ${customer.id} FOR UPDATE NOWAIT`),
    )
  })
  await isUnavailable(
    'a standby',
    database.transaction(async (tx) => {
      await tx.$executeRaw`SET TRANSACTION READ ONLY`
      await tx.$executeRaw`DELETE FROM spent_token`
    }),
  )
  const busy = [1, 2].map(() => database.transaction(() => delay(2_000)))
  await Promise.all([
    isUnavailable(
      'a pool without a free connection',
      database.query((prisma) => prisma.customer.count()),
    ),
    isUnavailable(
      'a pool without a free connection, for a transaction',
      database.transaction((tx) => tx.customer.count()),
    ),
    Promise.allSettled(busy),
  ])
})

t.test('S35: any other database error is not unavailable, and contains neither rows nor values', async (t) => {
  const database = open(t)
  await query(`ALTER TABLE credential ADD CONSTRAINT planted CHECK (hash NOT LIKE '%planted')`)
  await query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN RAISE check_violation USING MESSAGE = NEW.hash; END $$`)
  await query(`CREATE CONSTRAINT TRIGGER refused AFTER INSERT ON credential DEFERRABLE INITIALLY DEFERRED
               FOR EACH ROW EXECUTE FUNCTION refuse()`)
  t.teardown(async () => {
    await query('DROP TRIGGER refused ON credential')
    await query('ALTER TABLE credential DROP CONSTRAINT planted')
  })
  const data = { customerId: customer.id, hash: secret }
  const failures: Record<string, [code: string, work: () => Promise<unknown>]> = {
    'a CHECK': ['23514', () => database.query((prisma) => prisma.credential.create({ data }))],
    'a CHECK in a transaction': ['23514', () => database.transaction((tx) => tx.credential.create({ data }))],
    'a CHECK at the commit': [
      '23514',
      () => database.transaction((tx) => tx.credential.create({ data: { ...data, hash: `${secret} at commit` } })),
    ],
    'a unique violation': [
      '23505',
      () =>
        database.query((prisma) =>
          prisma.identifier.create({
            data: { customerId: customer.id, kind: 'email', value: customer.addresses[0] ?? '' },
          }),
        ),
    ],
    'an argument that Prisma rejects': [
      'PrismaClientValidationError',
      () =>
        database.query((prisma) => prisma.credential.create({ data: { customerId: secret as never, hash: secret } })),
    ],
  }
  for (const [name, [code, work]] of Object.entries(failures)) {
    const error = await thrownBy(work())
    t.match(error, { name: 'DatabaseError', code, message: 'a database operation failed' }, name)
    t.notOk(inspect(error, { depth: 10, showHidden: true }).includes('planted'), name)
    t.match(error.stack, /database\.test\.ts/, `${name}: the stack names the caller`)
  }
  const invalid = await thrownBy(database.query((prisma) => prisma.$queryRaw`SELECT ${secret}::uuid`))
  t.match(invalid, { name: 'InvalidData', code: '22P02', message: 'the database cannot store this data' })
  t.ok(invalid instanceof PermanentError, 'an event with such data becomes a dead letter')
  t.notOk(inspect(invalid, { depth: 10, showHidden: true }).includes('planted'))
  const bug = new TypeError('a bug')
  t.equal(await thrownBy(database.transaction(() => Promise.reject(bug))), bug)
})
