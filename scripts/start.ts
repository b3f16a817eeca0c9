import { resolve } from 'node:path'
import { isPortFree } from '@rekey/local-servers/ports'
import { banner } from './start/banner.ts'
import { checkRestore } from './start/check.ts'
import { endOrphans, takeDataDir, wipe } from './start/data-dir.ts'
import { startSandbox } from './start/sandbox.ts'
import { serviceNames } from './start/service.ts'
import { type PlacedSettings, placeMetrics, readSettings, type Settings, usage } from './start/settings.ts'
import { createStopRequest } from './start/stop-request.ts'

const say = (line: string) => console.log(line)

const assertPortsFree = async ({ port, inboxPort, providerPort }: Settings) => {
  const ports = { PORT: port, INBOX_PORT: inboxPort, PROVIDER_PORT: providerPort }
  for (const [name, wanted] of Object.entries(ports)) {
    if (wanted !== undefined && !(await isPortFree(wanted)))
      throw new Error(`port ${wanted} is busy: set ${name} to another one`)
  }
}

const runSandbox = async (settings: PlacedSettings, signal: AbortSignal) => {
  const stopAsked = new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }))
  const sandbox = await startSandbox(settings, { say, signal })
  try {
    if (settings.mode === 'check') {
      say(`Rekey runs, after ${(performance.now() / 1_000).toFixed(1)} s. One whole restore:`)
      await Promise.race([checkRestore(settings, say), stopAsked.then(() => signal.throwIfAborted())])
      return
    }
    say(banner(settings, performance.now() / 1_000))
    const broken = await Promise.race([sandbox.broken, stopAsked])
    if (broken && !signal.aborted) throw new Error(`${broken.name} ended. The end of its log:\n${broken.logTail(20)}`)
    say('Stopping.')
  } finally {
    await sandbox.stop()
  }
}

const start = async (settings: Settings, signal: AbortSignal) => {
  const giveBack = takeDataDir(settings.dataDir)
  try {
    await endOrphans(settings.dataDir, [...serviceNames])
    await assertPortsFree(settings)
    if (settings.fresh) wipe(settings.dataDir)
    await runSandbox(await placeMetrics(settings, isPortFree), signal)
  } finally {
    giveBack()
  }
}

const stopRequest = createStopRequest()
try {
  const settings = readSettings(process.argv.slice(2), process.env, resolve(import.meta.dirname, '..'))
  if (settings.mode === 'help') say(usage)
  else await start(settings, stopRequest.signal)
} catch (error) {
  if (!stopRequest.signal.aborted) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  } else if (process.argv.includes('--check')) process.exitCode = 130
} finally {
  stopRequest.release()
}
