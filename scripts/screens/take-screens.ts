import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { launchBrowser, noBrowser, prepareBrowser } from '@rekey/test-support/browser'
import { withTeardown } from '@rekey/test-support/with-teardown'
import { createCamera } from './camera.ts'
import { toDocument } from './document.ts'
import { startOwnSandbox } from './own-sandbox.ts'
import { stories } from './stories.ts'
import { createStudio } from './studio.ts'

interface Options {
  say: (line: string) => void
  signal: AbortSignal
}

/**
 * Plays each story in a browser, and writes its pictures and the page that shows them. Earlier pictures are removed.
 *
 * @param docs folder of `screens.md` and `screens/`
 * @throws Error that names the story, and says what the page shows instead; nothing is written then
 */
export const takeScreens = (docs: string, { say, signal }: Options): Promise<void> =>
  withTeardown(async (t) => {
    await prepareBrowser()
    if (noBrowser) throw new Error(noBrowser)
    const sandbox = await startOwnSandbox(t, signal)
    const browser = await launchBrowser(t)
    const camera = createCamera()
    const studio = createStudio(t, { browser, camera, ...sandbox })
    const stopped = new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
    )
    for (const { title, play } of stories) {
      say(title)
      camera.begin(title)
      const played = play(studio).catch((cause) => {
        throw new Error(`${title}: ${(cause as Error).message}`, { cause })
      })
      await Promise.race([played, sandbox.broken, stopped])
    }

    const folder = join(docs, 'screens')
    mkdirSync(folder, { recursive: true })
    for (const name of readdirSync(folder)) if (name.endsWith('.webp')) rmSync(join(folder, name))
    for (const { file, bytes } of camera.pictures()) writeFileSync(join(folder, file), bytes)
    writeFileSync(join(docs, 'screens.md'), toDocument(camera.chapters()))
    const total = camera.pictures().reduce((sum, { bytes }) => sum + bytes.length, 0)
    say(`${camera.pictures().length} pictures, ${Math.ceil(total / 1_024)} KiB: ${join(docs, 'screens.md')}`)
  })
