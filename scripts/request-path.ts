import { Session } from 'node:inspector/promises'
import { relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureServers } from '@rekey/local-servers/servers'
import { startPasswordService } from '@rekey/test-support/password-service'

// npm run request-path: the files and functions of ours that one password restore (B2) runs in the password-service,
// from V8's precise coverage. Background loops run meanwhile: what does not run in every request does not count.

const root = resolve(import.meta.dirname, '..')
const ours = /^(services|packages)\/[^/]+\/src\//
const requests = 10

type Service = Awaited<ReturnType<typeof startPasswordService>>

const prepareRestore = async ({ customer, restoreOf, grant, http }: Service) => {
  const challengeId = await restoreOf((await customer()).id)
  const headers = { successToken: grant('restore', challengeId) }
  return async () => {
    const { status } = await http.post('/api/v2/my/password/restore', { password: 'a new password' }, headers)
    if (status !== 204) throw new Error(`the restore answered ${status}`)
  }
}

/** The functions that ran since the last call, as `path:offset`. */
const takeFunctions = async (session: Session): Promise<Set<string>> => {
  const { result } = await session.post('Profiler.takePreciseCoverage')
  const ran = result.flatMap(({ url, functions }) => {
    const path = url.startsWith('file:') ? relative(root, fileURLToPath(url)) : ''
    if (!ours.test(path)) return []
    const ranges = functions.map(({ ranges }) => ranges[0])
    return ranges.flatMap((range) => (range && range.count > 0 ? `${path}:${range.startOffset}` : []))
  })
  return new Set(ran)
}

/** The functions that ran in each of the requests. */
const measure = async (service: Service): Promise<string[]> => {
  await (await prepareRestore(service))()
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
  let always: string[] | undefined
  for (let count = 0; count < requests; count += 1) {
    const restore = await prepareRestore(service)
    await takeFunctions(session)
    await restore()
    const ran = await takeFunctions(session)
    always = always?.filter((name) => ran.has(name)) ?? [...ran]
  }
  session.disconnect()
  return always ?? []
}

const cleanups: (() => unknown)[] = []
try {
  await ensureServers(['nats'], { say: console.log, allowCompose: false })
  const service = await startPasswordService({ teardown: (clean) => cleanups.push(clean) })
  const functions = await measure(service)
  const files = Map.groupBy(functions, (name) => name.replace(/:\d+$/, ''))
  for (const [path, ran] of [...files].toSorted(([one], [other]) => one.localeCompare(other))) {
    console.log(`${String(ran.length).padStart(5)}  ${path}`)
  }
  console.log(`${String(functions.length).padStart(5)}  functions in ${files.size} files`)
} finally {
  for (const clean of cleanups.toReversed()) await clean()
}
