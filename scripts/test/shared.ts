import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureServers } from '@rekey/local-servers/servers'
import { compileCache } from '@rekey/local-servers/service-node'
import { prepareBrowser } from '@rekey/test-support/browser'
import { prepareCluster, startSharedPostgres } from '@rekey/test-support/postgres'
import { createEventNotes } from './log-events.ts'
import { createScratch } from './scratch.ts'
import { buildTap } from './tap.ts'

/** Starts the servers that all test files share, and returns the variables by which tests find them. */
export const startShared = async (signal: AbortSignal) => {
  const scratch = createScratch()
  const notes = createEventNotes(scratch)
  const stops: (() => Promise<unknown>)[] = [async () => rmSync(scratch, { recursive: true, force: true })]
  const stop = async () => {
    for (const stopOne of stops.toReversed()) await stopOne()
  }
  try {
    const cluster = join(scratch, 'prepared-postgres')
    await Promise.all([
      prepareCluster(cluster),
      // Tests kill, pause and restart their own servers, which they cannot do with containers.
      ensureServers(['redis', 'nats'], { say: console.log, allowCompose: false, signal }),
      buildTap(),
      prepareBrowser(),
    ])
    const postgres = await startSharedPostgres(join(scratch, 'postgres'), cluster, signal)
    stops.push(postgres.stop)
    return {
      env: {
        ...process.env,
        ...notes.env,
        REKEY_TEST_POSTGRES_URL: postgres.url,
        REKEY_TEST_POSTGRES_CLUSTER: cluster,
        NODE_COMPILE_CACHE: compileCache,
        TMPDIR: scratch,
      },
      /** Where tests note the log events that they produce. */
      eventNotes: notes.folder,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
