//! Examples at the end of each command's help. A test runs all of them, those of a
//! command in turn, in a directory that has `logs`, a folder of flow logs, and
//! `store`, what was read of it.

pub(super) const DEMO: &str = "\
Examples:
  # A log group that is followed into a store and asked, on this machine alone
  vpcflow demo --records 20000";

pub(super) const SETUP: &str = "\
Examples:
  # What would be made, and what it takes
  vpcflow setup --vpc vpc-0a1b2c3d4e5f60718 --log-group /vpc/prod --dry-run
  # A record a minute with every field, kept for a week
  vpcflow setup --vpc vpc-0a1b2c3d4e5f60718 --log-group /vpc/prod --interval 60 --fields all \\
      --retention-days 7 --yes
  # Every VPC of production, rejected traffic alone
  vpcflow setup --vpc-tag env=prod --traffic reject --log-group /vpc/rejects --dry-run
  # The same as a template for others to apply
  vpcflow setup --vpc vpc-0a1b2c3d4e5f60718 --log-group /vpc/prod --emit cloudformation";

pub(super) const STATUS: &str = "\
Examples:
  # All that vpcflow made: is it there, do records arrive?
  vpcflow status
  # One log group, for programs
  vpcflow status --log-group /vpc/prod -o json";

pub(super) const TEARDOWN: &str = "\
Examples:
  # What would go
  vpcflow teardown --log-group /vpc/prod --dry-run
  # Take it away and keep the records
  vpcflow teardown --log-group /vpc/prod --keep-logs --yes";

pub(super) const TAIL: &str = "\
Examples:
  # Rejected traffic as it comes
  vpcflow tail logs:/vpc/prod --where \"action = 'REJECT'\"
  # Keep every record once, in a store that holds 90 days
  vpcflow tail logs:/vpc/prod --store flows --keep 90d
  # Who is refused most, again every ten seconds
  vpcflow tail logs:/vpc/prod --sql \"SELECT srcaddr, count(*) AS flows FROM flows
      WHERE action = 'REJECT' GROUP BY 1 ORDER BY 2 DESC LIMIT 10\"
  # A folder in which files grow and rotate
  vpcflow tail logs --since 2020-01-01";

pub(super) const INGEST: &str = "\
Examples:
  # Files into a store; those that it has are skipped, so run it as often as you like
  vpcflow ingest 'logs/*.log' --store flows
  # What a log group got in the last two hours
  vpcflow ingest logs:/vpc/prod --since 2h --store flows";

pub(super) const STORE: &str = "\
Examples:
  # Days, files, rows and sources
  vpcflow store info store
  # Is it whole?
  vpcflow store check store
  # Drop all but the last 90 days
  vpcflow store expire store --keep 90d";

pub(super) const SQL: &str = "\
Examples:
  # A prompt, with completion and history
  vpcflow sql --from logs
  # Who is refused most
  vpcflow sql \"SELECT srcaddr, count(*) AS flows FROM flows WHERE action = 'REJECT'
      GROUP BY 1 ORDER BY 2 DESC LIMIT 10\" --from logs
  # Files that the statement names itself, and an answer in a file
  vpcflow sql \"SELECT * FROM 'logs/*.log' WHERE dstport = 22\" --out ssh.parquet
  # What left the private networks in the last 30 days of a store
  vpcflow sql 'SELECT date, sum(bytes) FROM flows WHERE is_private(srcaddr) AND is_global(dstaddr)
      GROUP BY 1 ORDER BY 1' --store store --since 30d
  # Values from outside of the statement
  vpcflow sql 'SELECT count(*) FROM flows WHERE dstport = $port' --param port=443 --from logs";

pub(super) const TOP: &str = "\
Examples:
  # Sources by bytes
  vpcflow top --from logs
  # Networks and ports by records, of what was refused
  vpcflow top srcaddr/24,dstport --by flows --where \"action = 'REJECT'\" --from logs
  # Two rankings in one pass
  vpcflow top --stat srcaddr/bytes --stat dstport/flows --from logs
  # Who talks to which service
  vpcflow top --bidirectional --from logs
  # The last day of a store beside the same day a week ago
  vpcflow top dstaddr --store store --since 1d --compare=7d
  # Live, on the terminal
  vpcflow top --follow logs:/vpc/prod";

pub(super) const QUERY: &str = "\
Examples:
  # What there is
  vpcflow query
  # What a query is, with its parameters and SQL
  vpcflow query port-scan --explain
  # The five sources that were refused most
  vpcflow query top-rejected --param limit=5 --from logs";

pub(super) const GENERATE: &str = "\
Examples:
  # A folder to try things on; the same seed gives the same records
  vpcflow generate made-up --records 20000 --seed 7";

pub(super) const COMPLETIONS: &str = "\
Examples:
  # For this shell; in ~/.bashrc, for every one
  source <(vpcflow completions bash)
  # For zsh, in a folder of $fpath
  vpcflow completions zsh > _vpcflow
  # For fish
  vpcflow completions fish > vpcflow.fish";

pub(super) const MAN: &str = "\
Examples:
  # Read a page
  vpcflow man sql | man -l -
  # Install them all
  vpcflow man --out man1";
