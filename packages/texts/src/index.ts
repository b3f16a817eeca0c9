export { type Area, catalogues, type TextKey } from './catalogues.ts'
export * from './languages.ts'
export { createTexts, type Texts, type TextValues, type Translate } from './texts.ts'
export { localized, noTheme, readTheme, type Theme, ThemeError, type ThemeFile } from './theme.ts'
