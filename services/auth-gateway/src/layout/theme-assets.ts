import { readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { type Theme, ThemeError } from '@rekey/texts'
import { type Asset, createAsset } from './assets.ts'

const imageTypes: Record<string, string> = {
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
}
const iconTypes: Record<string, string> = { '.svg': 'image/svg+xml', '.png': 'image/png', '.ico': 'image/x-icon' }
const fontTypes: Record<string, string> = { '.woff2': 'font/woff2' }

/** A visitor on a slow phone loads these before the first page is complete. */
const largestImageBytes = 100_000
const largestFontBytes = 200_000

const kinds = {
  logo: { types: imageTypes, largestBytes: largestImageBytes },
  logoDark: { types: imageTypes, largestBytes: largestImageBytes },
  favicon: { types: iconTypes, largestBytes: largestImageBytes },
  font: { types: fontTypes, largestBytes: largestFontBytes },
} as const

export type ThemeAssets = Partial<Record<keyof typeof kinds, Asset>>

/** Reads the files that theme.json names. @throws ThemeError that names each file of another type, or that is too large */
export const themeAssets = ({ dir, file }: Theme): ThemeAssets => {
  const faults: string[] = []
  const assets: ThemeAssets = {}
  for (const [kind, { types, largestBytes }] of Object.entries(kinds) as [
    keyof typeof kinds,
    (typeof kinds)['logo'],
  ][]) {
    const name = file[kind]
    if (name === undefined || dir === undefined) continue
    const extension = extname(name).toLowerCase()
    const type = types[extension]
    const place = `${join(dir, 'theme.json')}: /${kind}: ${name}`
    if (type === undefined) {
      faults.push(`${place} must end in ${Object.keys(types).join(', ')}`)
      continue
    }
    const body = readFileSync(join(dir, name))
    if (body.length > largestBytes)
      faults.push(`${place} has ${body.length} bytes; at most ${largestBytes} are allowed`)
    assets[kind] = createAsset(extension.slice(1), type, body)
  }
  if (faults.length > 0) throw new ThemeError(faults)
  return assets
}
