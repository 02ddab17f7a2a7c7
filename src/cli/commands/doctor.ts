import type { Config } from '../../config/schema.ts';
import { printable } from '../../engine/printable.ts';
import { TenantDrError } from '../../errors.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import type { Finding } from '../doctor/finding.ts';
import { warning } from '../doctor/finding.ts';
import { exits } from '../exits.ts';
import type { Output, Style } from '../output.ts';

export default command({
  effect: 'read',
  examples: ['tenant-dr doctor', 'tenant-dr doctor --json | jq ".findings[] | select(.ok | not)"'],
  async run(context) {
    const config = await context.config();
    const findings = await examine(context, config);
    const errors = findings.filter((finding) => finding.level === 'error').length;
    const warnings = findings.filter((finding) => finding.level === 'warning').length;
    return {
      document: { findings, warnings, errors },
      text: textOf(findings, warnings, errors, context.output),
      exit: warnings > 0 ? exits.differs : exits.done,
      ...(errors > 0 && { failure: asError(findings) }),
    };
  },
});

async function examine(context: Context, config: Config): Promise<Finding[]> {
  const { examineConfig, examineTools } = await import('../doctor/config.ts');
  const { examineDatabase } = await import('../doctor/database.ts');
  const { examineBackups } = await import('../doctor/backups.ts');
  const { examineFolders } = await import('../doctor/folders.ts');
  const { examineClock } = await import('../doctor/clock.ts');
  const now = context.clock();
  const database = await examineDatabase(await context.openDatabase(), config);
  return [
    ...examineConfig(config),
    ...config.warnings.map((text) => warning('environment names', text, 'unset what is not meant')),
    ...database.findings,
    ...(await examineBackups(config, database.tenants, now)),
    ...(await examineFolders(config)),
    ...examineTools(config, context.env.PATH, context.cwd),
    ...(await examineClock(now)),
  ];
}

function asError(findings: Finding[]): TenantDrError {
  const [first, ...rest] = findings.filter((finding) => finding.level === 'error');
  const more = rest.length === 0 ? '' : ` (and ${rest.length} more)`;
  return new TenantDrError(first?.code ?? 'database-error', `${first?.name}: ${first?.detail}${more}`, {
    ...(first?.hint === undefined ? {} : { hint: first.hint }),
  });
}

const marks: Record<Finding['level'], { mark: string; style: Style }> = {
  ok: { mark: 'ok      ', style: 'green' },
  warning: { mark: 'WARNING ', style: 'yellow' },
  error: { mark: 'ERROR   ', style: 'red' },
};

function textOf(findings: Finding[], warnings: number, errors: number, output: Output): string {
  const lines = findings.flatMap(({ name, level, detail, hint }) => {
    const { mark, style } = marks[level];
    const line = `${output.style(style, mark)}${printable(name)}: ${printable(detail)}`;
    return hint === undefined || level === 'ok' ? [line] : [line, `        ${printable(hint)}`];
  });
  const summary =
    errors + warnings === 0
      ? 'Ready.'
      : `${errors} ${errors === 1 ? 'error' : 'errors'}, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}.`;
  return [...lines, '', summary].join('\n');
}
