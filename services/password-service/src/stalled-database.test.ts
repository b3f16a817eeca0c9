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

/** A database as the service opens it, by way of a connection that can be held up, with one connection at a time. */
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

/** Until it is served: what was held up may cost a caller or two their answer. */
const eventuallyDone = async (database: Database, text: string) => {
  for (let tries = 0; tries < 10; tries += 1) {
    try {
      return await database.transaction(write(text))
    } catch {
      await delay(200)
    }
  }
}

t.test('S24 of a transaction that was held up in its middle nothing is committed by the next one', async (t) => {
  const { link, database } = await open(t)
  const heldUp = database.transaction(async (tx) => {
    await write('a first half')(tx)
    link.stall()
    await write('a second half')(tx)
  })
  await t.rejects(heldUp, { code: 'unavailable' })
  link.heal()
  await eventuallyDone(database, 'the next one')
  t.same(await notes(), ['the next one'])
})

t.test('S24 a statement by itself is not written into a transaction that was held up before', async (t) => {
  const { link, database } = await open(t)
  const heldUp = database.transaction(async (tx) => {
    await write('another half')(tx)
    link.stall()
    await write('another second half')(tx)
  })
  await t.rejects(heldUp, { code: 'unavailable' })
  link.heal()
  await database.query((prisma) => prisma.$executeRaw`INSERT INTO note VALUES ('by itself')`).catch(() => {})
  await eventuallyDone(database, 'the last one')
  const found = await notes()
  t.ok(found.includes('the last one'))
  t.notOk(found.some((text) => text.includes('half')))
})
