import { ConfigError, configurationErrors } from '@rekey/platform/config'
import type { Rule } from '@rekey/platform/production'
import { readTheme, type Theme, ThemeError } from '@rekey/texts'
import { themeAssets } from './theme-assets.ts'

/** Reads the theme and its files. @throws ConfigError that names every fault */
export const loadTheme = (dir: string | undefined): Theme => {
  try {
    const theme = readTheme(dir)
    themeAssets(theme)
    return theme
  } catch (error) {
    if (error instanceof ThemeError) throw new ConfigError(error.faults.map((fault) => `REKEY_THEME_DIR: ${fault}`))
    throw error
  }
}

/** Refuses a theme with faults, and names each: a text, a colour, a file. */
export const themeIsSound: Rule<{ REKEY_THEME_DIR?: string }> = ({ REKEY_THEME_DIR }) =>
  configurationErrors(() => loadTheme(REKEY_THEME_DIR))
