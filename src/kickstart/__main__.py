from kickstart.cli import main

raise SystemExit(main())
