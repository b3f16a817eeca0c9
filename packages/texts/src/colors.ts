export const modes = ['light', 'dark'] as const
export type Mode = (typeof modes)[number]

/** The colours that a theme may choose, each as `#rrggbb`. */
interface Colors {
  accent: string
  /** Text on the accent colour. */
  accentText: string
  background: string
  text: string
  problem: string
}

/** `colors` of theme.json. */
type ThemeColors = { [mode in Mode]?: Partial<Colors> }

/** The colours of a mode, each as `#rrggbb`. */
export interface Palette extends Colors {
  /** Behind the panel that has the background colour. */
  surround: string
  /** Text of less weight. */
  quietText: string
  /** Borders of controls. */
  border: string
}

const defaults: Record<Mode, Colors> = {
  light: { accent: '#1746a2', accentText: '#ffffff', background: '#ffffff', text: '#1b1d22', problem: '#a31621' },
  dark: { accent: '#9dbdff', accentText: '#0d1524', background: '#16181d', text: '#eceef2', problem: '#ff9a9f' },
}

/** WCAG 2.2 §1.4.3 (text) and §1.4.11 (borders of controls, focus indicators), level AA. */
const textContrast = 4.5
const controlContrast = 3

const channelsOf = (color: string): number[] => [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16))

/** Relative luminance (WCAG 2.2, Terms), 0 to 1. */
const luminanceOf = (color: string): number => {
  const [red = 0, green = 0, blue = 0] = channelsOf(color).map((channel) => {
    const share = channel / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** Contrast ratio of two colours (WCAG 2.2, Terms), 1 to 21. */
export const contrastOf = (one: string, other: string): number => {
  const [dark = 0, light = 0] = [luminanceOf(one), luminanceOf(other)].toSorted((left, right) => left - right)
  return (light + 0.05) / (dark + 0.05)
}

/** `share` of the first colour, 0 to 1, and the rest of the second. */
const mix = (one: string, other: string, share: number): string => {
  const [first, second] = [channelsOf(one), channelsOf(other)]
  const mixed = first.map((channel, index) => Math.round(channel * share + (second[index] ?? 0) * (1 - share)))
  return `#${mixed.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`
}

/** The palest mix of a colour into a background that has this contrast with each of the surfaces. */
const palest = (color: string, background: string, surfaces: string[], contrast: number, from: number): string => {
  for (let share = from; share < 1; share += 0.02) {
    const mixed = mix(color, background, share)
    if (surfaces.every((surface) => contrastOf(mixed, surface) >= contrast)) return mixed
  }
  return color
}

/** The colours of a mode: those of the theme, the defaults for the rest, and mixes of the two. */
export const paletteOf = (colors: ThemeColors = {}, mode: Mode = 'light'): Palette => {
  const chosen = { ...defaults[mode], ...colors[mode] }
  const { background, text } = chosen
  const surround = luminanceOf(background) < 0.2 ? mix(background, '#000000', 0.6) : mix(text, background, 0.05)
  const surfaces = [background, surround]
  return {
    ...chosen,
    surround,
    quietText: palest(text, background, surfaces, textContrast + 0.3, 0.6),
    border: palest(text, background, surfaces, controlContrast + 0.2, 0.3),
  }
}

/** The pairs of colours that are used together: the first is text or a focus indicator on the second. */
const pairs = [
  ['text', 'background'],
  ['text', 'surround'],
  ['accent', 'background'],
  ['accent', 'surround'],
  ['accentText', 'accent'],
  ['problem', 'background'],
] as const

/** The pairs of a theme's colours whose contrast is too low for text, a line each. */
export const contrastFaults = (colors: ThemeColors | undefined): string[] =>
  modes.flatMap((mode) => {
    const palette = paletteOf(colors, mode)
    return pairs.flatMap(([front, back]) => {
      const contrast = contrastOf(palette[front], palette[back])
      if (contrast >= textContrast) return []
      // Cut, not rounded: 4.49 must not be shown as 4.5.
      const shown = Math.floor(contrast * 10) / 10
      return [
        `/colors/${mode}/${front}: ${palette[front]} has a contrast of ${shown}:1 with ${back} ${palette[back]}; WCAG 2.2 requires ${textContrast}:1`,
      ]
    })
  })
