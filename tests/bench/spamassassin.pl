# SpamAssassin's Bayes in process: learns the first mails of a list, then says how long each of the others took.
# perl spamassassin.pl FOLDER LEARN < lines of `spam FILE` or `ham FILE`; FOLDER is for its database.
use strict;
use warnings;
use Mail::SpamAssassin;
use Mail::SpamAssassin::PerMsgStatus;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC CLOCK_PROCESS_CPUTIME_ID);

my ($folder, $learn) = @ARGV;
my $config = <<"END";
loadplugin Mail::SpamAssassin::Plugin::Bayes
use_bayes 1
bayes_path $folder/bayes
bayes_auto_learn 0
bayes_auto_expire 0
bayes_learn_to_journal 0
lock_method flock
dns_available no
body BAYES_ANY eval:check_bayes('0.00', '1.00')
tflags BAYES_ANY learn
score BAYES_ANY 0.1
END
my $domains = "/usr/share/spamassassin/20_aux_tlds.cf";    # what a link is
$config = content($domains) . "\n$config" if -e $domains;
my $sa = Mail::SpamAssassin->new(
    {config_text => $config, userstate_dir => $folder, dont_copy_prefs => 1, local_tests_only => 1});
$sa->init(1);

my @list = map { chomp; [split / /, $_, 2] } <STDIN>;

sub content {
    open(my $file, "<:raw", $_[0]) or die "$_[0]: $!";
    local $/;
    return scalar <$file>;
}

$sa->init_learner({caller_will_untie => 1});
for my $one (@list[0 .. $learn - 1]) {
    my $mail = $sa->parse(content($one->[1]), 1);
    $sa->learn($mail, undef, $one->[0] eq "spam", 0)->finish();
    $mail->finish();
}
$sa->rebuild_learner_caches();
$sa->finish_learner();

my ($bayes) = grep { ref($_) eq "Mail::SpamAssassin::Plugin::Bayes" } @{$sa->{plugins}->{plugins}};
$bayes->learner_is_scan_available() or die "it does not judge: it learnt too little";
for my $one (@list[$learn .. $#list]) {
    my $text = content($one->[1]);
    my ($wall, $cpu) = (clock_gettime(CLOCK_MONOTONIC), clock_gettime(CLOCK_PROCESS_CPUTIME_ID));
    my $mail = $sa->parse($text, 1);
    my $status = Mail::SpamAssassin::PerMsgStatus->new($sa, $mail);
    $mail->extract_message_metadata($status);
    my $score = $bayes->scan($status, $mail);
    $status->finish();
    $mail->finish();
    printf "%.6f %.6f %.4f\n", clock_gettime(CLOCK_MONOTONIC) - $wall,
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID) - $cpu, $score // 0.5;
}
