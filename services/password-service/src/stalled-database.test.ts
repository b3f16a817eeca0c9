import { setTimeout as delay } from 'node:timers/promises'
import { createLogger } from '@rekey/platform/logger'
import { startInfrastructure } from '@rekey/test-support/infrastructure'
import { startLink } from '@rekey/test-support/link'
import pg from 'pg'
import t, { type Test } from 'tap'
import { type Database, openDatabase, type Transaction } from './database.ts'

const { postgres } = await startInfrastructure(t, { postgres: true })

const direct = new pg.Client(postgres.url)
await direct.connect()
t.teardown(() => direct.end())
await direct.query('CREATE TABLE note (text text PRIMARY KEY)')

const notes = async () => {
  const { rows } = await direct.query<{ text: string }>('SELECT text FROM note ORDER BY text')
  return rows.map(({ text }) => text)
}
const write = (text: string) => (tx: Transaction) => tx.$executeRaw`INSERT INTO note VALUES (${text})`

/** Opens a database with one connection, through a link that can be stalled. */
const open = async (t: Test) => {
  const link = await startLink()
  link.leadTo([Number(new URL(postgres.url).port)])
  const url = new URL(postgres.url)
  url.port = String(link.port)
  const log = createLogger({ name: 'test', level: 'silent' })
  const database = openDatabase({ url: url.href, poolSize: 1, log })
  t.teardown(async () => {
    await Promise.race([database.close(), delay(2_000)])
    await link.close()
  })
  await database.check()
  return { link, database }
}

/** Writes a note, and retries: the first transactions after a stall may fail. */
const writeEventually = async (database: Database, text: string) => {
  for (let tries = 0; tries < 10; tries += 1) {
    try {
      return await database.transaction(write(text))
    } catch {
      await delay(200)
    }
  }
}

t.test('S24 the next transaction does not commit the statements of a stalled one', async (t) => {
  const { link, database } = await open(t)
  const stalled = database.transaction(async (tx) => {
    await write('first half')(tx)
    link.stall()
    await write('second half')(tx)
  })
  await t.rejects(stalled, { code: 'unavailable' })
  link.heal()
  await writeEventually(database, 'the next one')
  t.same(await notes(), ['the next one'])
})

t.test('S24 a single statement does not become part of a stalled transaction', async (t) => {
  const { link, database } = await open(t)
  const stalled = database.transaction(async (tx) => {
    await write('another half')(tx)
    link.stall()
    await write('another second half')(tx)
  })
  await t.rejects(stalled, { code: 'unavailable' })
  link.heal()
  await database.query((prisma) => prisma.$executeRaw`INSERT INTO note VALUES ('by itself')`).catch(() => {})
  await writeEventually(database, 'the last one')
  const found = await notes()
  t.ok(found.includes('the last one'))
  t.notOk(found.some((text) => text.includes('half')))
})

t.test(
  'S25: the wait for a connection and its statement share one deadline, for a transaction and a query',
  async (t) => {
    const { link, database } = await open(t)
    const calls = {
      transaction: () =>
        database.transaction(async (tx) => {
          link.stall()
          return tx.$queryRaw`SELECT 1`
        }),
      query: () => database.query((prisma) => prisma.$queryRaw`SELECT 1`),
    }
    for (const [name, call] of Object.entries(calls)) {
      const holdsMs = 1_200
      const busy = Promise.withResolvers<void>()
      const holder = database.transaction(async (tx) => {
        await tx.$queryRaw`SELECT 1`
        busy.resolve()
        await delay(holdsMs)
      })
      await busy.promise
      const startedMs = performance.now()
      const waiting = call().then(
        () => undefined,
        (error: unknown) => ({ error, ms: performance.now() - startedMs }),
      )
      await holder
      link.stall()
      const failed = await waiting
      link.heal()
      // Otherwise it would take the wait and a whole time-out of a statement: 2,700 ms.
      if (failed) {
        t.match(failed.error, { code: 'unavailable' }, name)
        t.ok(failed.ms < 2_500, `${name}: ${failed.ms} ms`)
      }
      await writeEventually(database, `after the ${name}`)
    }
  },
)
