import { readFileSync } from 'node:fs'
import type { Theme } from '@rekey/texts'
import { type Asset, createAsset } from './assets.ts'
import { createRenderer } from './renderer.ts'
import { createStylesheet } from './stylesheet.ts'
import { themeAssets } from './theme-assets.ts'

const defaultIcon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1746a2"/><path d="M16 7a5 5 0 0 0-2 9.6V25h4v-3h3v-4h-3v-1.4A5 5 0 0 0 16 7z" fill="#fff"/></svg>`

/** How pages of a theme are rendered, and the files that they load. */
export const createLook = (theme: Theme) => {
  const files = themeAssets(theme)
  const stylesheet = createStylesheet(theme, files.font)
  const script = createAsset(
    'js',
    'text/javascript; charset=utf-8',
    readFileSync(new URL('./page.js', import.meta.url), 'utf8'),
  )
  const favicon = files.favicon ?? createAsset('svg', 'image/svg+xml', defaultIcon)
  const paths = { stylesheet: stylesheet.path, script: script.path, favicon: favicon.path }
  const assets: Asset[] = [stylesheet, script, favicon, ...Object.values(files)]
  return { render: createRenderer({ theme, paths, themeAssets: files }), assets }
}
