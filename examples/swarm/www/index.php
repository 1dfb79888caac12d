<?php
// Which replica answered, of which release. With ?seconds=12 the answer takes its time.
header('Content-Type: text/plain');
sleep((int) ($_GET['seconds'] ?? 0));
echo gethostname(), ' ', getenv('RELEASE'), "\n";
