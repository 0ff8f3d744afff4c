// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {AssetFactory} from "../src/AssetFactory.sol";
import {Fixture} from "./Fixture.sol";
import {Ledger} from "../src/Ledger.sol";

/// What is earned vests in equal steps with the epochs that follow; leaving ends it.
contract VestingTest is Fixture {
    uint8 private constant STEPS = 4;
    uint256 private constant AMOUNT = 10e18 + 3;

    function setUp() public override {
        super.setUp();
        AssetFactory.AssetParams memory p = params("vesting");
        p.vestingEpochs = STEPS;
        useAsset(p);
    }

    /// One epoch of two contributions, whose salts are known so that they can be withdrawn: one each of two members.
    function earned() private returns (Ledger.Claim[] memory claims) {
        address[] memory owners = new address[](2);
        uint256[] memory amounts = new uint256[](2);
        (owners[0], owners[1], amounts[0], amounts[1]) = (member(0), member(1), AMOUNT, AMOUNT);
        claims = claimsOf(owners, amounts);
        for (uint256 i = 0; i < 2; i++) {
            claims[i].contribution = ledger.contributionOf(member(i), bytes32(uint256(claims[i].epoch)));
        }
        post(claims);
    }

    function empty() private {
        post(new Ledger.Claim[](0));
    }

    function goes(uint256 i, uint64 epoch) private {
        vm.prank(member(i));
        ledger.withdraw(member(i), bytes32(uint256(epoch)), 0, "");
    }

    function take(Ledger.Claim[] memory claims) private returns (uint256) {
        return ledger.claimMany(claims, new bytes32[](0));
    }

    function step(uint256 n) private pure returns (uint256) {
        return AMOUNT * n / STEPS;
    }

    function holds(uint256 i, uint256 amount, string memory what) private view {
        vm.assertEq(token.balanceOf(member(i)), amount, what);
    }

    function test_SharesVestInEqualStepsAndAllOfThemAtLast() public {
        Ledger.Claim[] memory claims = earned();
        vm.assertEq(take(claims), 0, "nothing yet");
        holds(0, 0, "nothing");
        for (uint256 n = 1; n <= STEPS; n++) {
            empty();
            vm.assertEq(take(claims), 2, "a step");
            vm.assertEq(take(claims), 0, "once");
            holds(0, step(n), "so many steps");
            vm.assertTrue(ledger.isClaimed(1, 0) == (n == STEPS), "all of it");
        }
        holds(0, AMOUNT, "all");
        holds(1, AMOUNT, "all");
        empty();
        vm.assertEq(take(claims), 0, "no more");
        vm.assertEq(token.balanceOf(address(ledger)), 0, "nothing waits");
    }

    function test_WhatLapsesMakesNobodyAnOwner() public {
        Ledger.Claim[] memory claims = earned();
        goes(0, 1);
        empty();
        take(claims);
        vm.assertEq(token.holders(), 1, "who stayed");
        vm.assertEq(token.delegates(address(0)), address(0), "nobody votes for nobody");
        distribute(1000);
        vm.assertEq(token.claimable(address(0)), 0, "nor earns");
    }

    function test_WhatLapsesIsBurntByAClaimAloneToo() public {
        Ledger.Claim[] memory claims = earned();
        empty();
        goes(0, 1);
        uint256 supply = token.totalSupply();
        ledger.claim(claims[0], proofOf(leavesOf(claims), 0));
        holds(0, step(1), "what had vested");
        vm.assertEq(token.totalSupply(), supply - (AMOUNT - step(1)), "the rest is burnt");
        vm.assertTrue(ledger.isClaimed(1, 0), "for good");
    }

    function test_StepsCanBeTakenLateAndAlone() public {
        Ledger.Claim[] memory claims = earned();
        empty();
        empty();
        empty();
        ledger.claim(claims[1], proofOf(leavesOf(claims), 1));
        holds(1, step(3), "three at once");
        vm.expectRevert(abi.encodeWithSelector(Ledger.AlreadyClaimed.selector, 1, 1));
        ledger.claim(claims[1], proofOf(leavesOf(claims), 1));
    }

    function test_LeavingEndsVestingAndBurnsTheRest() public {
        Ledger.Claim[] memory claims = earned();
        empty();
        goes(0, 1);
        uint256 supply = token.totalSupply();
        empty();
        vm.assertEq(take(claims), 2, "both");
        holds(0, step(1), "what had vested");
        holds(1, step(2), "the other goes on");
        vm.assertEq(token.totalSupply(), supply - (AMOUNT - step(1)), "the rest is burnt");
        vm.assertTrue(ledger.isClaimed(1, 0), "for good");
        for (uint256 n = 0; n < 4; n++) {
            empty();
            take(claims);
        }
        holds(0, step(1), "no more");
        holds(1, AMOUNT, "all");
    }

    function test_ContributeClaimWithdrawInALoopEarnsNothing() public {
        uint256 paid = 1_000_003;
        for (uint64 epoch = 1; epoch <= 5; epoch++) {
            Ledger.Claim[] memory claims = earned();
            distribute(paid);
            take(claims);
            goes(0, claims[0].epoch);
            take(claims);
            vm.assertTrue(ledger.isClaimed(claims[0].epoch, 0), "lapsed");
        }
        holds(0, 0, "no shares");
        vm.assertEq(token.claim(member(0)), 0, "no money");
    }

    function test_WhatLapsedSharesEarnedGoesToTheOthersToTheUnit() public {
        Ledger.Claim[] memory claims = earned();
        distribute(1e6);
        goes(0, 1);
        for (uint256 n = 0; n < STEPS; n++) {
            empty();
        }
        take(claims);
        uint256 got = token.claim(member(1));
        vm.assertTrue(got >= 1e6 - 1, "all of it but what a unit cannot be split into");
        distribute(1e6);
        vm.assertTrue(got + token.claim(member(1)) >= 2e6 - 1, "and no unit is lost twice");
        vm.assertEq(token.claimable(address(ledger)), 0, "nor waits with shares that are gone");
        vm.assertEq(dollar.balanceOf(address(token)), token.dividendsReceived() - token.dividendsPaid(), "there");
    }

    /// Alone in the asset: what it earned waits for whoever comes next.
    function test_WhatEarnedTheLastToLeaveWaits() public {
        Ledger.Claim[] memory claims = earned();
        distribute(1e6);
        goes(0, 1);
        goes(1, 1);
        vm.assertEq(take(claims), 2, "both lapse");
        vm.assertEq(token.totalSupply(), 0, "nobody is left");
        Ledger.Claim[] memory next = earned();
        for (uint256 n = 0; n < STEPS; n++) {
            empty();
        }
        take(next);
        distribute(1);
        uint256 all = token.claim(member(0)) + token.claim(member(1));
        vm.assertTrue(all >= 1e6 - 1 && all <= 1e6 + 1, "it is theirs");
    }

    /// Leaves, steps and times of leaving as they come: the steps sum to the whole, and what is burnt is the rest.
    function testFuzz_StepsSumToTheWhole(uint256 amount, uint8 steps, uint256 seed) public {
        amount = bound(amount, 1, 1e24);
        AssetFactory.AssetParams memory p = params("fuzz");
        p.vestingEpochs = uint8(bound(steps, 0, 15));
        useAsset(p);
        address[] memory owners = new address[](1);
        uint256[] memory amounts = new uint256[](1);
        (owners[0], amounts[0]) = (member(0), amount);
        Ledger.Claim[] memory claims = claimsOf(owners, amounts);
        claims[0].contribution = ledger.contributionOf(member(0), "1");
        post(claims);
        uint256 left = type(uint256).max;
        for (uint256 n = 0; n < 16; n++) {
            uint256 dice = uint256(keccak256(abi.encode(seed, n)));
            if (dice % 3 == 0) take(claims);
            if (dice % 13 == 1 && left == type(uint256).max) {
                vm.prank(member(0));
                ledger.withdraw(member(0), "1", 0, "");
                left = n;
            }
            empty();
        }
        take(claims);
        uint256 whole = p.vestingEpochs == 0 ? 1 : p.vestingEpochs;
        uint256 due = p.vestingEpochs == 0 || left >= whole ? whole : left;
        vm.assertEq(token.balanceOf(member(0)), amount * due / whole, "what had vested");
        vm.assertEq(token.totalSupply(), token.balanceOf(member(0)), "the rest is burnt");
        vm.assertTrue(ledger.isClaimed(1, 0), "nothing waits");
    }
}
