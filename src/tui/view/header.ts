import type { RunMode } from '../../incident/mode.ts';
import type { Tier } from '../../policy/tiers.ts';
import { clock, count, counted, hourMinute, inWords, limit } from '../format.ts';
import { bar, clip, clipStart, fit, lineWidth, spread, widthOf } from '../layout.ts';
import { type Line, line, span, type Tone } from '../line.ts';

/** The lines every screen begins with: where we are, whose data it is, how much time is left. */

export interface RtoView {
  /** Seconds; null is best effort. */
  limitSeconds: number | null;
  usedSeconds: number;
  /** When the tenant is expected to be usable again; null when nothing can be said. */
  usableAt: string | null;
  /** The projection ends after the limit. */
  late: boolean;
  /** Why the clock stands still: the tenant is usable again, or the incident was closed without that. */
  end: 'usable' | 'closed' | null;
  /** Late on paper: the estimates alone are more than the limit. */
  estimatesExceed: boolean;
}

export interface RpoView {
  limitSeconds: number;
  /** Null before a backup is chosen. */
  backupAt: string | null;
  /** Damage time minus backup time. */
  ageSeconds: number | null;
  met: boolean | null;
  /** Rows written since the backup that a restore may lose; null while unknown. */
  atStakeRows: number | null;
}

export interface HeaderModel {
  environment: string;
  database: { name: string; location: string };
  mode: RunMode | 'look';
  tenant: { name: string; slug: string; tier: Tier; priority: string } | null;
  incident: string | null;
  operator: string | null;
  rto: RtoView | null;
  rpo: RpoView | null;
  /** Zone of the times on the screen. */
  zone: string;
  /** Seconds until the next message is due; negative when it is late. */
  updateDueSeconds: number | null;
}

const banners: Record<HeaderModel['mode'], { text: string; tone: Tone }> = {
  live: { text: ' LIVE ', tone: 'live' },
  'dry-run': { text: ' DRY RUN ', tone: 'harmless' },
  rehearsal: { text: ' REHEARSAL ', tone: 'harmless' },
  drill: { text: ' DRILL ', tone: 'harmless' },
  look: { text: ' LOOKING ', tone: 'harmless' },
};

/** First line: program, environment, database, mode. The path gives way from its front. */
export function placeLine(model: HeaderModel, width: number): Line {
  const banner = banners[model.mode];
  const start = ` tenant-dr · ${model.environment} · ${model.database.name} @ `;
  const room = width - widthOf(start) - widthOf(banner.text) - 1;
  const place = line(
    span(start, 'strong'),
    span(clipStart(model.database.location, Math.max(0, room)), 'plain'),
  );
  return spread(place, [span(banner.text, banner.tone)], width);
}

function whoLine(model: HeaderModel, width: number): Line {
  const { tenant } = model;
  const due = model.updateDueSeconds;
  const update =
    due === null
      ? null
      : due < 0
        ? span(` · update ${inWords(-due)} late`, 'bad')
        : span(` · update in ${inWords(due)}`, due < 120 ? 'warning' : 'plain');
  const incident = model.incident && ` · ${model.incident}`;
  const operator = model.operator && ` · ${model.operator}`;
  const zone = tenant && ` · ${model.zone}`;
  // Who the tenant is comes first: operator and zone give way before its slug does, then a long name.
  const rests = [
    line(incident, operator, zone, update),
    line(incident, zone, update),
    line(incident, update),
  ];
  const whole = tenant ? widthOf(` ${clip(tenant.name, 8)} (${tenant.slug})${tierOf(tenant)}`) : 0;
  const rest = rests.find((one) => whole + lineWidth(one) <= width) ?? (rests[0] as Line);
  const room = Math.max(Math.min(24, width), width - lineWidth(rest));
  return fit([...fit(identity(tenant, room), room), ...rest], width);
}

/** ` Northwind Labs (northwind) ENTERPRISE P0`: the name gives way, then the slug; tier and priority stay. */
function identity(tenant: HeaderModel['tenant'], room: number): Line {
  if (!tenant) return line(' ', span('no tenant chosen', 'muted'));
  const tier = tierOf(tenant);
  const left = Math.max(12, room - 1 - widthOf(tier));
  const name = clip(tenant.name, Math.max(8, left - widthOf(` (${tenant.slug})`)));
  const slug = clip(` (${tenant.slug})`, left - widthOf(name));
  return line(' ', span(name, 'strong'), slug, span(tier, 'accent'));
}

function tierOf({ tier, priority }: NonNullable<HeaderModel['tenant']>): string {
  return ` ${tier.toUpperCase()} ${priority}`;
}

/** ` RTO 30:00 ▓▓▓▓▓░░░░░░░░░░░░ 8:41 used · 21:19 left · usable ≈ 06:18 on track`: the bar gives way. */
export function rtoLine(rto: RtoView, width: number): Line {
  const usable = rto.usableAt ? ` · usable ≈ ${hourMinute(rto.usableAt)}` : '';
  const used = Math.floor(rto.usedSeconds);
  if (rto.limitSeconds === null) {
    const time = rto.end
      ? `${endWords[rto.end]} after ${clock(used)}`
      : `${clock(used)} since detection${usable}`;
    return fit(line(' RTO best effort · ', time), width);
  }
  const left = rto.limitSeconds - used;
  const over = left < 0;
  const tone: Tone = over ? 'bad' : rto.late ? 'warning' : 'good';
  const start = ` RTO ${clock(rto.limitSeconds)} `;
  const spent = ` ${clock(used)} used · `;
  const state = over ? `${clock(-left)} OVER` : `${clock(left)} left`;
  const verdict = `${rto.end ? '' : usable}${verdictOf(rto, over)}`;
  const room = width - widthOf(start + spent + state + verdict);
  const share = rto.usedSeconds / rto.limitSeconds;
  return fit(
    line(
      start,
      span(bar(share, Math.max(4, Math.min(widestBar, room))), tone),
      spent,
      span(state, over ? 'bad' : 'plain'),
      span(verdict, tone),
    ),
    width,
  );
}

const widestBar = 40;

function verdictOf(rto: RtoView, over: boolean): string {
  if (rto.end) return ` · RTO ${verdictWord(rto.end, over)}`;
  if (over || rto.usableAt === null) return '';
  if (rto.late) return rto.estimatesExceed ? ' by estimate' : ' LATE';
  return ' on track';
}

const endWords = { usable: 'usable again', closed: 'closed without a usable tenant' };

function verdictWord(end: 'usable' | 'closed', over: boolean): string {
  if (over) return 'missed';
  return end === 'usable' ? 'met' : 'not reached';
}

/** ` RPO 1h met: backup 05:00, 52 min before the damage · 41 newer rows at stake` */
export function rpoLine(rpo: RpoView, width: number): Line {
  const start = ` RPO ${limit(rpo.limitSeconds)} `;
  if (rpo.backupAt === null || rpo.ageSeconds === null)
    return fit(line(start, span('no backup chosen yet', 'muted')), width);
  const distance =
    rpo.ageSeconds >= 0
      ? `${inWords(rpo.ageSeconds)} before the damage`
      : `${inWords(-rpo.ageSeconds)} AFTER the damage`;
  const stake = rpo.atStakeRows === null ? '' : ` · ${counted(rpo.atStakeRows, 'newer row')} at stake`;
  const verdict = rpo.met ? span('met', 'good') : span('MISSED', 'bad');
  return fit(
    line(
      start,
      verdict,
      `: backup ${hourMinute(rpo.backupAt)}, ${distance}`,
      span(stake, rpo.atStakeRows ? 'warning' : 'plain'),
    ),
    width,
  );
}

/** The whole header, without the rule below it. */
export function headerLines(model: HeaderModel, width: number): Line[] {
  const lines = [placeLine(model, width)];
  if (model.tenant || model.incident) lines.push(whoLine(model, width));
  if (model.rto) lines.push(rtoLine(model.rto, width));
  if (model.rpo) lines.push(rpoLine(model.rpo, width));
  return lines;
}

/** The same facts in sentences, for screen readers and to read aloud. */
export function headerReading(model: HeaderModel): string[] {
  const sentences: string[] = [
    `Mode ${banners[model.mode].text.trim()}, database ${model.database.name}, ${model.environment}.`,
  ];
  if (model.tenant) sentences.push(`Tenant ${model.tenant.name}, ${model.tenant.tier}.`);
  if (model.rto) sentences.push(`${rtoReading(model.rto)}`);
  if (model.rpo?.ageSeconds != null) {
    sentences.push(
      `RPO ${limit(model.rpo.limitSeconds)} ${model.rpo.met ? 'met' : 'missed'}; ${count(model.rpo.atStakeRows ?? 0)} newer rows at stake.`,
    );
  }
  return sentences;
}

/** One sentence about the time budget. */
export function rtoReading(rto: RtoView): string {
  const used = inWords(rto.usedSeconds);
  if (rto.limitSeconds === null) return `${used} since detection; best effort, no limit.`;
  const left = rto.limitSeconds - rto.usedSeconds;
  const budget = left < 0 ? `${inWords(-left)} over the limit` : `${inWords(left)} left`;
  if (rto.end) {
    const words = endWords[rto.end];
    return `${words[0]?.toUpperCase()}${words.slice(1)} after ${used}: RTO of ${limit(rto.limitSeconds)} ${verdictWord(rto.end, left < 0)}.`;
  }
  const eta = rto.usableAt
    ? `; usable about ${hourMinute(rto.usableAt)}, ${rto.late ? 'later than promised' : 'on track'}`
    : '';
  return `RTO ${limit(rto.limitSeconds)}: ${used} used, ${budget}${eta}.`;
}
