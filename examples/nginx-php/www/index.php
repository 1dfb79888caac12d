<?php
// Which container this is, of which release; and with ?seconds=12 a request that takes its time.
sleep((int) ($_GET['seconds'] ?? 0));
header('Content-Type: text/plain');
echo gethostname(), ' ', getenv('RELEASE') ?: '-', "\n";
